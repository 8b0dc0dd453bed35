"""The old CRMs behind the legacy APIs: requests are passed on to them, byte for byte, until this store answers."""
