"""How the variable is composed: what enters, what stays byte for byte, what goes, and in which order."""

import pytest

from wandb_byob.decide import addresses
from wandb_byob.decide.compose import (
    LIMIT_BYTES,
    Attached,
    Composition,
    Source,
    compose,
    read,
    size,
    size_warning,
    union,
)
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

FOREIGN = ("s3://old:k%2F1@minio.legacy:9000/old?region=r?tls=true", "", " gs://kept ", "weird:entry", "s3://b/x")


def bucket(name: str, *, key: str = "k", uid: str | None = None, scheme: str = "s3") -> Attached:
    host = "cwobject.com" if scheme == "cw" else "store.example:9000"
    return Attached(
        identity=f"{scheme}://{host}/{name}",
        uid=uid or f"uid-{name}",
        address=f"{scheme}://{key}:s@{host}/{name}?region=r&tls=true",
    )


def composed(
    value: str, *attached: Attached, provenance: dict[str, str] | None = None, removals: tuple[str, ...] = ()
) -> Composition:
    base = read(value, provenance=provenance or {}, separator=",")
    return compose(base, attached, removals=removals, separator=",")


def test_new_buckets_come_after_what_is_there_which_stays_byte_for_byte() -> None:
    """Empty, white, malformed and odd entries of others are neither changed nor moved."""
    found = composed(",".join(FOREIGN), bucket("one"), bucket("two"))
    assert found.value == ",".join((*FOREIGN, bucket("one").address, bucket("two").address))
    assert [entry.source for entry in found.entries] == [Source.KEPT] * len(FOREIGN) + [Source.BUCKET_STORE] * 2


def test_composing_again_changes_nothing() -> None:
    """The order is stable whatever the order of what is attached, with our records and without them (all statuses lost)."""
    first = composed(",".join(FOREIGN), bucket("one"), bucket("two"))
    again = composed(first.value, bucket("two"), bucket("one"), provenance=first.provenance)
    bare = composed(first.value, bucket("two"), bucket("one"))
    assert again.value == bare.value == first.value
    assert bare.provenance == first.provenance


def test_a_rotated_key_replaces_its_entry_in_place() -> None:
    first = composed("gs://kept", bucket("one"), bucket("two"))
    rotated = composed(first.value, bucket("one", key="new"), bucket("two"), provenance=first.provenance)
    assert rotated.value.split(",") == ["gs://kept", bucket("one", key="new").address, bucket("two").address]


def test_what_is_not_attached_any_more_stays() -> None:
    """A bucket that is missing, refused or unverified is not taken out: removal comes from a confirmed deletion only."""
    first = composed("", bucket("one"), bucket("two"))
    assert composed(first.value, provenance=first.provenance).value == first.value


def test_a_confirmed_removal_takes_one_entry_and_no_other() -> None:
    first = composed("gs://kept", bucket("one"), bucket("two"))
    found = composed(
        first.value, bucket("one"), bucket("two"), provenance=first.provenance, removals=(bucket("one").identity,)
    )
    assert found.value == f"gs://kept,{bucket('two').address}"


@pytest.mark.parametrize(
    ("there", "becomes"),
    [
        ("s3://k:s@store.example:9000/one?tls=true&region=r", "s3://k:s@store.example:9000/one?tls=true&region=r"),
        ("s3://%6B:s@store.example:9000/one?region=r&tls=true", "s3://%6B:s@store.example:9000/one?region=r&tls=true"),
        ("s3://other:s@store.example:9000/one?region=r&tls=true", bucket("one").address),
        ("s3://k:s@STORE.example:9000/one?region=r?tls=true", bucket("one").address),
        (" s3://k:s@store.example:9000/one?region=r&tls=true", bucket("one").address),
    ],
    ids=["order of parameters", "other escaping", "other key", "malformed parameters", "white space that W&B refuses"],
)
def test_a_kept_entry_of_an_attached_bucket(there: str, becomes: str) -> None:
    """One that reads the same keeps its bytes and is noted as ours; one that reads otherwise is replaced in place."""
    found = composed(f"gs://first,{there},gs://last", bucket("one"))
    assert found.value == f"gs://first,{becomes},gs://last"
    assert found.provenance[bucket("one").identity] == "uid-one"
    assert found.provenance["gs://first"] == "kept"


@pytest.mark.parametrize(
    ("there", "ours", "stays"),
    [
        ("cw://k:s@cwobject.com/b", "cw://k:s@cwobject.com/b?tls=true", True),
        ("cw://k:s@b.cwobject.com?tls=true", "cw://k:s@cwobject.com/b?tls=true", True),
        ("cw://k:s@cwobject.com/b?tls=false", "cw://k:s@cwobject.com/b?tls=true", False),
        ("s3://k:s@h.example/b", "s3://k:s@h.example/b?region=us-west-1&tls=false", True),
        ("s3://k:s@h.example/b?region=r", "s3://k:s@h.example/b?region=r&tls=true", False),
        ("s3://k:s@h.example/b?tls=true", "s3://k:s@h.example/b?region=r&tls=true", False),
        ("s3://k:s@h.example/b?region=r", "s3://k:s@h.example/b?forcePathStyle=false&region=r&tls=false", False),
        ("s3://k:s@h.example/b/path?tls=true&region=r", "s3://k:s@h.example/b?region=r&tls=true", True),
        ("s3://k:s@s3.amazonaws.com/b", "s3://k:s@s3.eu-west-1.amazonaws.com/b?region=eu-west-1&tls=true", True),
        ("s3://k:s@s3.amazonaws.com/b?region=x", "s3://k:s@s3.eu-west-1.amazonaws.com/b?region=eu-west-1&tls=true", False),
        ("s3://b", "s3://k:s@s3.eu-west-1.amazonaws.com/b?region=eu-west-1&tls=true", False),
        ("az://:k@acme.blob.core.windows.net/data", "az://:k@acme/data", True),
    ],
)  # fmt: skip
def test_an_entry_that_means_the_same_keeps_its_bytes(there: str, ours: str, stays: bool) -> None:
    """W&B's defaults count for what an entry does not say: moving in with a running list restarts nothing."""
    identity = addresses.identity(ours)
    assert identity is not None
    assert identity == addresses.identity(there)
    attached = Attached(identity=identity, uid="uid", address=ours)
    first = composed(there, attached)
    assert first.entries[0].text == (there if stays else ours)
    assert composed(first.value, attached, provenance=first.provenance).value == first.value


def test_somebody_elses_second_entry_of_an_attached_bucket_stays() -> None:
    """Two entries for one bucket that others wrote: ours is one of them, the other is not touched."""
    two = "s3://a:1@store.example:9000/one?region=r&tls=true,s3://b:2@store.example:9000/one?region=r&tls=true"
    assert composed(two, bucket("one")).value.split(",") == [bucket("one").address, two.split(",")[1]]


def test_coreweave_has_one_shared_entry() -> None:
    """It comes with the first bucket, keeps its place, and leaves like any entry: by a confirmed removal."""
    one, two = bucket("one", scheme="cw"), bucket("two", scheme="cw")
    first = composed("", one)
    assert first.value.split(",") == [one.address, "cw://"]
    both = composed(first.value, one, two, provenance=first.provenance)
    assert both.value.split(",") == [one.address, "cw://", two.address]
    left = composed(both.value, two, provenance=both.provenance, removals=(one.identity,))
    assert left.value.split(",") == ["cw://", two.address]
    kept = composed(left.value, provenance=left.provenance, removals=(two.identity,))
    assert kept.value == "cw://", "never because no bucket of ours is there"
    none = composed(left.value, provenance=left.provenance, removals=(two.identity, "cw://"))
    assert none.value == ""


def test_buckets_on_coreweave_without_keys_share_the_one_entry() -> None:
    """Any number of them need `cw://` and nothing else; it is nobody's of them, so that no other rollout follows."""
    keyless = [Attached(identity="cw://", uid=f"uid-{name}", address="cw://") for name in ("one", "two")]
    first = composed("gs://kept", keyless[0])
    assert (first.value, first.provenance["cw://"]) == ("gs://kept,cw://", "shared")
    second = composed(first.value, *keyless, provenance=first.provenance)
    assert (second.value, second.provenance) == (first.value, first.provenance)
    assert composed(first.value, provenance=first.provenance).value == first.value
    assert composed(first.value, provenance=first.provenance, removals=("cw://",)).value == "gs://kept"


def test_somebody_elses_shared_entry_serves_buckets_without_keys() -> None:
    """It stays somebody else's."""
    found = composed("cw://", Attached(identity="cw://", uid="uid", address="cw://"))
    assert (found.value, found.provenance) == ("cw://", {"cw://": "kept"})


def test_somebody_elses_shared_entry_is_neither_doubled_nor_taken() -> None:
    one = bucket("one", scheme="cw")
    first = composed("cw://", one)
    assert first.value.split(",") == ["cw://", one.address]
    assert composed(first.value, provenance=first.provenance, removals=(one.identity,)).value == "cw://"


def test_the_limit_counts_bytes_and_is_refused_before_anything_is_written() -> None:
    """120 KiB and more is refused with a sentence that says what to do; one byte less is not."""
    room = LIMIT_BYTES - size(bucket("one").address) - 1
    fits = composed("é" * ((room - 1) // 2) + "x" * ((room - 1) % 2), bucket("one"))
    assert size(fits.value) == LIMIT_BYTES - 1
    with pytest.raises(Stalled) as refused:
        composed(fits.entries[0].text + "x", bucket("one"))
    assert refused.value.reason is Reason.VARIABLE_TOO_LARGE
    for word in (str(LIMIT_BYTES), "128 KiB", "2 entries", "Ambient", "share a bucket"):
        assert word in refused.value.message


def test_seventy_keys_of_google_are_too_much() -> None:
    """The case that users meet: about 1,800 bytes an entry."""
    entries = [Attached(identity=f"gs://b{n}", uid=f"{n}", address=f"gs://e:{'k' * 1780}@b{n}") for n in range(70)]
    with pytest.raises(Stalled, match="70 entries"):
        composed("", *entries)


@pytest.mark.parametrize(("length", "warned"), [(LIMIT_BYTES * 3 // 4 - 1, False), (LIMIT_BYTES * 3 // 4, True)])
def test_a_warning_from_three_quarters_on(length: int, warned: bool) -> None:
    assert bool(size_warning(length)) is warned


@pytest.mark.parametrize(("value", "separator", "reason"), [("s3://a;b", ";", "separator"), ("gs://a\x00", ",", "NUL")])
def test_what_cannot_be_written_is_refused(value: str, separator: str, reason: str) -> None:
    """An entry that holds the separator would be torn; a NUL ends an environment variable."""
    base = read(value, provenance={}, separator=",")
    with pytest.raises(Stalled, match=reason) as refused:
        compose(base, [bucket("one")], removals=(), separator=separator)
    assert refused.value.reason is Reason.VARIABLE_INVALID


def test_workloads_that_differ_lose_nothing() -> None:
    """The union keeps the first in its order and bytes, and adds what only others have."""
    first = read("gs://a,,gs://a", provenance={}, separator=",")
    others = [read("gs://b,gs://a", provenance={}, separator=","), read(",odd", provenance={}, separator=",")]
    assert [entry.text for entry in union(first, others)] == ["gs://a", "", "gs://a", "gs://b", "odd"]


def test_a_value_that_is_no_utf8_comes_back_byte_for_byte() -> None:
    raw = b"gs://a,\xff\xfe"
    found = composed(raw.decode("utf-8", "surrogateescape"), bucket("one"))
    assert found.value.encode("utf-8", "surrogateescape") == raw + b"," + bucket("one").address.encode()


def test_entries_show_their_text_nowhere() -> None:
    """An entry, a composition and an attached bucket are redacted in every repr."""
    found = composed("", bucket("one", key="CANARYKEY"))
    assert "CANARYKEY" not in f"{found} {found.entries} {bucket('one', key='CANARYKEY')}"
