"""The script that Streamlit runs: which pages there are. Everything else is elsewhere."""

import streamlit as st

from facebone.demo.pages import about, audit, membership, reconstruction, verify
from facebone.demo.pages.frame import ICON

st.set_page_config(page_title="FaceBone", page_icon=str(ICON), layout="wide", menu_items={})

PAGES = [
    st.Page(about.show, title="About", url_path="about", default=True),
    st.Page(verify.show, title="Verify", url_path="verify"),
    st.Page(membership.show, title="Membership", url_path="membership"),
    st.Page(reconstruction.show, title="Reconstruction", url_path="reconstruction"),
    st.Page(audit.show, title="Audit", url_path="audit"),
]

st.navigation(PAGES, position="top").run()
