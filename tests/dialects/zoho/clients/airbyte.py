"""Airbyte's source for Zoho CRM: checks the connection, discovers the streams, and reads every one of them, twice.

Usage: python airbyte.py < {"url", "client_id", "client_secret", "refresh_token"}
"""

import json
import logging
import sys

from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from jsonschema import Draft7Validator
from pointed import given
from source_zoho_crm.source import SourceZohoCrm

told = given()
config = {name: told[name] for name in ("client_id", "client_secret", "refresh_token")}
config |= {"dc_region": "US", "environment": "Production"}
log = logging.getLogger("airbyte")
logging.disable(logging.INFO)
source = SourceZohoCrm()
done = {"check": source.check(log, config).status.value}
streams = source.discover(log, config).streams
done["streams"] = {one.name: sorted(one.json_schema["properties"]) for one in streams}
catalog = ConfiguredAirbyteCatalog(
    streams=[
        ConfiguredAirbyteStream(
            stream=one, sync_mode=SyncMode.incremental, destination_sync_mode=DestinationSyncMode.append
        )
        for one in streams
    ]
)


def read(state):
    """({stream: its records}, the state afterwards)."""
    records, states = {one.name: [] for one in streams}, []
    for message in source.read(log, config, catalog, state):
        if message.type is Type.RECORD:
            records[message.record.stream].append(message.record.data)
        elif message.type is Type.STATE:
            states.append(message.state)
        elif message.type is Type.TRACE and message.trace.error is not None:
            raise SystemExit(message.trace.error.internal_message)
    return records, states


records, states = read([])
done["records"] = {name: [one["id"] for one in found] for name, found in records.items()}
schemas = {one.name: Draft7Validator(one.json_schema) for one in streams}
done["faults"] = [
    f"{name}.{'.'.join(map(str, fault.path))}: {fault.message}"
    for name, found in records.items()
    for one in found
    for fault in schemas[name].iter_errors(one)
    if fault.validator != "multipleOf"  # 136.67 is no multiple of 0.01 in binary
]
done["again"] = {name: len(found) for name, found in read(states)[0].items()}
json.dump(done, sys.stdout)
