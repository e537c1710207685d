"""What a program that the tests start runs first, with this folder in PYTHONPATH: names below `.localhost` mean this machine."""

import importlib.util
import socket
from pathlib import Path

_found = importlib.util.spec_from_file_location("testbed_names", Path(__file__).with_name("__init__.py"))
assert _found is not None
assert _found.loader is not None
_names = importlib.util.module_from_spec(_found)
_found.loader.exec_module(_names)
socket.getaddrinfo = _names.resolver(socket.getaddrinfo, _names.given_hosts())
