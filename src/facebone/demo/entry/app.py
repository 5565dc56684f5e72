"""The script that Streamlit runs: which pages there are. Everything else is elsewhere."""

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from facebone.demo.pages.frame import ICON

st.set_page_config(page_title="FaceBone", page_icon=str(ICON), layout="wide", menu_items={})


def page(name: str) -> Callable[[], None]:
    """Shows a page; its module is loaded then, for the first page should not wait for all."""

    def show() -> None:
        import_module(f"facebone.demo.pages.{name}").show()

    return show


TITLES = ("About", "Verify", "Membership", "Reconstruction", "Audit")

PAGES = [
    st.Page(page(title.lower()), title=title, url_path=title.lower(), default=title == "About")
    for title in TITLES
]

st.navigation(PAGES, position="top").run()
