"""Audit: run a small one, or open one that was made elsewhere; charts, tables and the report."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from facebone.audit.artefacts import AUDIT_FILE, REPORT_FILE, SCORES_FILE
from facebone.audit.names import display_names
from facebone.audit.report.tables import attacks_table, targets_table
from facebone.audit.verdict import judge
from facebone.demo import charts, markup
from facebone.demo.audit_run import AuditRun, State
from facebone.demo.audit_slot import SLOT
from facebone.demo.conclusions import NAMES
from facebone.demo.material import Material
from facebone.demo.pages import frame
from facebone.demo.shown_audit import ShownAudit, open_shown, read_shown
from facebone.errors import FaceBoneError

DEFENCES = (
    "none", "facebone", "early_stopping", "dropout", "label_smoothing", "relaxloss", "rounding",
)  # fmt: skip
ATTACKS = ("loss_threshold", "modified_entropy", "gap", "art_gb", "lira", "shadow_boosting")
CHOSEN_ATTACKS = ("loss_threshold", "gap", "art_gb")

MOST_MEGABYTES = 20
_POLL = 1.0


def show() -> None:
    """The page."""
    frame.begin("What does a verifier leak, measured?")
    material = frame.ready()
    chosen = st.radio("Which audit", list(_KINDS), horizontal=True, key="which")
    _KINDS[chosen](material)


def _own(material: Material) -> None:
    """The audit from which the other pages know what attackers found."""
    _shown(material.audited, "own")


def _run(material: Material) -> None:
    running: AuditRun | None = st.session_state.get("run")
    if running is not None and running.state is State.RUNNING:
        _progress()
        return
    with st.form("audit", border=False):
        mitigations = st.multiselect(
            "Verifiers, by their defence",
            DEFENCES,
            default=DEFENCES[:2],
            format_func=lambda name: NAMES.get(name, name),
            key="defences",
        )
        attacks = st.multiselect(
            "Attacks on membership", ATTACKS, default=CHOSEN_ATTACKS, key="attacks"
        )
        pairs = st.slider(
            "Pairs of one person, and as many of two; half are trained on", 100, 1000, 200, 50,
            key="pairs",
        )  # fmt: skip
        asked = st.form_submit_button("Run the audit", type="primary")
    if asked:
        _start(material, tuple(mitigations), tuple(attacks), int(pairs))
    if running is not None:
        _ended(running)


def _start(
    material: Material, mitigations: tuple[str, ...], attacks: tuple[str, ...], pairs: int
) -> None:
    try:
        settings = material.settings.small_audit(mitigations, attacks, pairs)
    except FaceBoneError as error:
        st.error(str(error), icon=":material/error:")
        return
    # Its folder goes when the session does.
    folder = tempfile.TemporaryDirectory(prefix="facebone-", ignore_cleanup_errors=True)
    started = SLOT.start(settings, Path(folder.name) / "audit")
    if started is None:
        st.warning(
            "Another visitor's audit is running. Wait until it is done.",
            icon=":material/hourglass_top:",
        )
        return
    st.session_state["folder"], st.session_state["run"] = folder, started
    st.session_state.pop("shown", None)
    st.rerun()


@st.fragment(run_every=_POLL)
def _progress() -> None:
    run: AuditRun = st.session_state["run"]
    if run.state is not State.RUNNING:
        st.rerun()
    step = run.step
    st.progress(step.share, text=f"Now: {step.words}")
    if st.button("Cancel", key="cancel"):
        run.cancel()
        st.rerun()


def _ended(run: AuditRun) -> None:
    """What came of the last audit."""
    if run.state is State.CANCELLED:
        st.info("The audit was cancelled.", icon=":material/cancel:")
    elif run.state is State.FAILED:
        st.error(f"The audit failed: {run.error}", icon=":material/error:")
    elif run.state is State.DONE:
        if "shown" not in st.session_state:
            st.session_state["shown"] = read_shown(run.out)
        _shown(st.session_state["shown"], "run")


def _open(material: Material) -> None:
    del material
    given = st.file_uploader(
        f"An {AUDIT_FILE} and, for curves and the report, the {SCORES_FILE} beside it",
        type=["json", "parquet"],
        accept_multiple_files=True,
        max_upload_size=MOST_MEGABYTES,
        key="opened",
    )
    if not given:
        st.html(markup.remark("They stay in memory, as pictures do."))
        return
    files = {one.name.rpartition(".")[2].lower(): one.getvalue() for one in given}
    if "json" not in files:
        st.warning(f"Add the {AUDIT_FILE} of the same audit.", icon=":material/info:")
        return
    key = hashlib.sha256(b"".join(files[kind] for kind in sorted(files))).hexdigest()
    kept = st.session_state.get("read")
    try:
        if kept is None or kept[0] != key:
            kept = st.session_state["read"] = (key, open_shown(files["json"], files.get("parquet")))
    except FaceBoneError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    _shown(kept[1], "opened")


def _shown(shown: ShownAudit, where: str) -> None:
    """Verdict, downloads, charts and tables of an audit."""
    audit = shown.audit
    verdict, called = judge(audit), display_names(audit)
    st.html(markup.lead(f"{verdict.finding}. {verdict.first}"))
    st.html(markup.paragraph(f"{verdict.second} {verdict.besides}".strip()))
    columns = st.columns(2)
    if shown.report is not None:
        columns[0].download_button(
            "Download the report", shown.report, REPORT_FILE, "text/html", on_click="ignore",
            key=f"report-{where}", width="stretch", type="primary",
        )  # fmt: skip
    columns[1].download_button(
        "Download audit.json", audit.model_dump_json(indent=2), AUDIT_FILE, "application/json",
        on_click="ignore", key=f"json-{where}", width="stretch",
    )  # fmt: skip
    front = charts.trade_off(audit)
    if front is not None:
        st.header("Accuracy against leak", anchor=False)
        st.altair_chart(
            front, width="stretch", theme=None, key=f"front-{where}",
            alt=f"Accuracy of each verifier against its strongest attack's AUC. {verdict.first}",
        )  # fmt: skip
    st.html(markup.report_table(targets_table(audit, called)))
    if not audit.targets:
        return
    number = st.selectbox(
        "A verifier in detail",
        range(len(audit.targets)),
        format_func=lambda i: called[audit.targets[i].name],
        key=f"target-{where}",
    )
    target = audit.targets[number or 0]
    name = called[target.name]
    rows = shown.rows
    left, right = st.columns(2, gap="large")
    forest = charts.forest(target)
    if forest is not None:
        left.html(markup.heading("What each attack finds"))
        left.altair_chart(
            forest, width="stretch", theme=None, key=f"forest-{where}",
            alt=f"AUC of every attack on {name} with its interval; the table below has the same.",
        )  # fmt: skip
    if rows is not None and target.attacks:
        lines = shown.lines(target)
        right.html(markup.heading("Found, against accused"))
        right.altair_chart(
            charts.roc(lines), width="stretch", theme=None, key=f"roc-{where}",
            alt=charts.roc_words(lines),
        )  # fmt: skip
        first = rows.seeds_of(target.name, target.attacks[0].name)[0]
        left.html(markup.heading("Scores of what was trained on, and of the rest"))
        left.altair_chart(
            charts.histogram(first.verifier.tolist(), first.member.tolist()),
            width="stretch", theme=None, key=f"scores-{where}",
            alt=f"Histograms of the scores that {name} gives to what it was trained on and not.",
        )  # fmt: skip
        errors = shown.errors()
        if errors:
            right.html(markup.heading("Errors of verification"))
            right.altair_chart(
                charts.det(errors), width="stretch", theme=None, key=f"det-{where}",
                alt="Same person refused against other person accepted, a curve a verifier.",
            )  # fmt: skip
    st.html(markup.report_table(attacks_table(target, name)))


_KINDS: dict[str, Callable[[Material], None]] = {
    "of this demo's verifiers": _own,
    "a small one, run now": _run,
    "one from a file": _open,
}
