"""The demo's background process: a cluster, object stores and what runs the operator's pods, until somebody ends it."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from testbed import sources, stores
from testbed.demo.home import Home
from testbed.object_store import Store
from testbed.processes import TestbedError, wait_for

_STORES: Final[Mapping[str, Callable[[Path], Store]]] = {
    "minio": stores.start_minio,
    "versitygw": stores.start_versitygw,
    "moto": stores.start_moto,
}


def serve(home: Home) -> int:
    """Start everything, publish each part when it is ready, and keep it until SIGTERM, or until the folder is removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_for(home.server, timeout=10, what="this process is known to `make demo-down`")
        with ExitStack() as ends, ThreadPoolExecutor() as pool:
            starting = [pool.submit(_start_store, home, name) for name in _STORES]
            cluster = sources.start(home.folder)
            ends.callback(cluster.stop)
            # A store ends when nobody holds its process any more.
            for store in filter(None, [each.result() for each in starting]):
                ends.callback(store.stop)
            kubelet = home.kubelet(cluster)
            kubelet.start()
            ends.callback(kubelet.stop)
            home.publish("cluster", {"source": cluster.source})
            while home.server() is not None:
                time.sleep(1)
    except (TestbedError, OSError) as error:
        print(error, flush=True)
        home.fail(str(error))
        return 1
    return 0


def _start_store(home: Home, name: str) -> Store | None:
    try:
        store = _STORES[name](home.folder / "stores" / name)
    except (TestbedError, OSError) as error:
        home.fail(str(error))
        return None
    home.publish_store(store)
    return store
