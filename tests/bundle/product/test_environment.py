from __future__ import annotations

from bundle.product.environment import Environment


def test_a_key_that_was_added_later_may_be_missing_and_says_nothing_that_older_readers_lack():
    old = Environment({"API_KEY": "x"}, ("API_KEY",), {})
    assert set(old.to_json()) == {"template", "required", "values"}
    assert Environment.from_json(old.to_json(), "app") == old
    full = Environment({"A": ""}, ("A",), {"B": ""}, ("C",), {"D": ""})
    assert set(full.to_json()) == {"template", "required", "values", "also", "defaults"}


def test_a_trial_gets_a_stand_in_for_what_has_no_default():
    tried = Environment({"API_KEY": "your-key", "LEVEL": "x"}, ("API_KEY", "TOKEN"), {}, ("TOKEN",), {"LEVEL": "low"})
    tried.check("app")
    assert tried.placeholders == {"API_KEY": "your-key", "TOKEN": "placeholder"}
