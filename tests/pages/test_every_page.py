"""Every page of the site on a desktop and on a phone, in light and in dark."""


def test_nothing_is_wrong_with_a_page(visit, site, path, each_window):
    assert "\n".join(visit(f"{site}/{path}", *each_window).complaints()) == ""
