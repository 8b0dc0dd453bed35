"""Photos: one pipeline from the bytes that came to clean images in three sizes, and the object store they lie in."""

from crmgraph.photos.backends import StoreAway, folder_of
from crmgraph.photos.files import KeptFiles
from crmgraph.photos.formats import FORMATS, MAX_PIXELS, MAX_SIDE, NotAnImage, Rendered, Size, TooLargeImage
from crmgraph.photos.image import render
from crmgraph.photos.names import file_name, new_key, safe_file_name
from crmgraph.photos.store import PhotoStore

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "MAX_SIDE",
    "KeptFiles",
    "NotAnImage",
    "PhotoStore",
    "Rendered",
    "Size",
    "StoreAway",
    "TooLargeImage",
    "file_name",
    "folder_of",
    "new_key",
    "render",
    "safe_file_name",
]
