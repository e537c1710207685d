"""The other commands on a container of Azure: plan, policy, address, as a user has them."""

import json
from pathlib import Path
from urllib.parse import quote

from console.program import byob
from console.sites import SITES
from testbed.stores import Azurite
from wandb_byob.model.checks import CheckName


def test_plan(azurite: Azurite, tmp_path: Path) -> None:
    """What would be set is listed, with whose setting it is; the account is left as it is."""
    setup = SITES["azure"].make(azurite)
    setup.site.take_away(CheckName.CORS)  # type: ignore[attr-defined]
    setup.spec.update({"provisioning": setup.spec["credentials"], "adoptionPolicy": "Adopt"})
    setup.write(tmp_path)
    done = byob(tmp_path, "plan", "-f", "bucket.yaml", *setup.arguments)
    assert done.status == 0, done.errors
    words = " ".join(done.output.split())
    assert "holds for all containers of the storage account" in words
    assert "in its metadata" in words
    assert setup.site.configuration()["cors"] == []  # type: ignore[attr-defined]


def test_policy(azurite: Azurite, tmp_path: Path) -> None:
    """With a key the account's settings; without one roles and federated credentials, with the namespace of W&B."""
    setup = SITES["azure"].make(azurite)
    setup.write(tmp_path)
    keyed = json.loads(byob(tmp_path, "policy", "-f", "bucket.yaml").output)
    assert keyed.keys() == {"cors", "soft-delete"}
    setup.block.update(
        {"clientID": "11111111-2222-3333-4444-555555555555", "tenantID": "66666666-7777-8888-9999-000000000000"}
    )
    setup.spec["credentials"] = {"source": "Ambient"}
    setup.write(tmp_path)
    keyless = json.loads(byob(tmp_path, "policy", "-f", "bucket.yaml").output)
    assert keyless["federated-credential"]["subject"] == "system:serviceaccount:default:REPLACE-ME"
    assert keyless["role-storage-blob-data-owner"]["assignee"] == setup.block["clientID"]


def test_address(azurite: Azurite, tmp_path: Path) -> None:
    """Redacted, unless asked for."""
    setup = SITES["azure"].make(azurite)
    setup.write(tmp_path)
    place = f"{setup.block['storageAccount']}/{setup.bucket}"
    assert byob(tmp_path, "address", "-f", "bucket.yaml", "vision").output.strip() == f"az://:***@{place}"
    revealed = byob(tmp_path, "address", "-f", "bucket.yaml", "vision", "--reveal").output.strip()
    assert revealed == f"az://:{quote(setup.keys['accountKey'], safe='')}@{place}"
