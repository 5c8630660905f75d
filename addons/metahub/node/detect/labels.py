"""What was found as labels of a Kubernetes node.

Knows the names of MetaHub's own labels. Must not know the labels of others.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from metahub.core.feature import Feature
from metahub.node.detect.detection import Detection

NFD = "feature.node.kubernetes.io/"
_OURS = f"{NFD}metahub-"

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")


def as_labels(detection: Detection) -> Iterator[str]:
    """Lines for a file of NFD's local source: one label for each feature, as a key may repeat.

    https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide.html
    """
    for one in detection.features:
        name = f"metahub-{one.key}.{one.value}"
        fits = _NAME.fullmatch(name) is not None
        yield f"{NFD}{name}=true" if fits else f"# no label can be called {name}"


def from_labels(labels: Mapping[str, str]) -> tuple[Feature, ...]:
    """The features that MetaHub's own labels say; one that is not true says nothing."""
    true = (name for name, value in labels.items() if value == "true")
    return tuple(_features(name.removeprefix(_OURS) for name in true if name.startswith(_OURS)))


def _features(names: Iterable[str]) -> Iterator[Feature]:
    """No key has a dot, and many values have."""
    for name in names:
        key, dot, value = name.partition(".")
        if dot and value:
            yield Feature(key, value)
