"""A mapping that shares its entries with those it was made from."""

from __future__ import annotations

from d1migrate.schema.layered import Layered
from tests.inputs import generator


def test_it_is_a_dict_of_which_each_version_stays() -> None:
    """Whatever is put in or taken out, all versions hold what a dict would; one that was changed comes last."""
    random, now = generator("layered"), Layered[str, int]({})
    kept = [(now, dict[str, int]())]
    for number in range(600):
        names = {
            str(random.randrange(150)): random.choice((number, None)) for _ in range(random.randrange(4))
        }
        now, dict_ = now.changed(names), dict(kept[-1][1])
        for name, value in names.items():
            dict_.pop(name, None)
            if value is not None:
                dict_[name] = value
        kept.append((now, dict_))
    for (earlier, before), (layered, dict_) in zip(kept, kept[1:] + kept[:1], strict=True):
        assert list(layered.since(earlier)) == [
            (name, value) for name, value in dict_.items() if before.get(name) is not value
        ]
    for layered, dict_ in kept:
        assert layered == dict_
        assert list(layered.items()) == list(dict_.items())
        assert list(layered.values()) == list(dict_.values())
        assert (len(layered), list(layered)) == (len(dict_), list(dict_))
        assert [(str(n) in layered, layered.get(str(n))) for n in range(150)] == [
            (str(n) in dict_, dict_.get(str(n))) for n in range(150)
        ]
