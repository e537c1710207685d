"""Whose objects may refer to whose: `allowedNamespaces`, default deny."""

from collections.abc import Mapping

from wandb_byob.model.api import LabelSelector, LabelSelectorRequirement, NamespaceGrant


def granted(grant: NamespaceGrant, *, owner: str, user: str, labels: Mapping[str, str] | None) -> bool:
    """Say whether objects of namespace `user` may refer to one in namespace `owner` that carries this grant.

    An object's own namespace always may. `labels` are those of namespace `user`, None where they could not be read: then
    a selector grants nothing.
    """
    if user == owner or grant.from_ == "All":
        return True
    if grant.from_ != "Selector" or grant.selector is None or labels is None:
        return False
    return matches(grant.selector, labels)


def needs_labels(grant: NamespaceGrant, *, owner: str, user: str) -> bool:
    """Say whether the labels of namespace `user` decide, so that they have to be read."""
    return user != owner and grant.from_ == "Selector"


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Say whether labels satisfy a selector, as Kubernetes reads it; an empty selector, which the CRD refuses, matches nothing."""
    if not selector.match_labels and not selector.match_expressions:
        return False
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
