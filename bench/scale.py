"""E"""


async def grow(*a): ...
