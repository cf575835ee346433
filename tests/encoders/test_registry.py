"""Which class a name stands for, and whose it is."""

import pytest

from xmodal_lab.encoders import registry
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.text import TextEncoder


@pytest.fixture(autouse=True)
def own_names(monkeypatch):
    monkeypatch.setattr(registry, "_known", dict(registry._known))


def cell() -> type[Encoder]:
    """A class as a notebook's cell makes it, anew each time it is run."""

    class Mine(SmallCNN):
        pass

    return Mine


def test_a_known_class_is_built_from_its_config():
    encoder = registry.build("SmallCNN", {"widths": [8, 8, 8], "output_dim": 5})
    assert type(encoder) is SmallCNN and encoder.output_dim == 5
    assert registry.is_known(encoder)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(LookupError, match=r"known as 'Mine', only TextEncoder, .*SmallCNN"):
        registry.build("Mine", {})


def test_a_class_of_ones_own_can_be_made_known_and_replaced_by_its_newer_self():
    first, second = cell(), cell()
    assert not registry.is_known(first())
    registry.register(first)
    assert registry.is_known(first()) and type(registry.build("Mine", {})) is first
    registry.register(second)
    assert registry.is_known(second()) and not registry.is_known(first())


def test_a_name_that_is_taken_stays_with_its_class():
    other = type("TextEncoder", (SmallCNN,), {"__module__": "elsewhere"})
    assert not registry.is_known(other())
    with pytest.raises(ValueError, match=r"TextEncoder is the name of .*captions\.TextEncoder"):
        registry.register(other)
    assert type(registry.build("TextEncoder", {})) is TextEncoder
