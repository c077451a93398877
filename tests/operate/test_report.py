from tasks.operate.report import report_rows
from tasks.progress import LeftOut, RunReport


def test_a_report_says_what_is_not_in_the_text_of_documents() -> None:
    report = RunReport("notes", "ingest", "r1")
    for _ in range(3):
        report.documents.leave_out({"pages without text": LeftOut(4, 1)})
    assert ("left out", "12 pages without text, in 3 documents") in report_rows(report)
    assert report.to_dict()["documents"]["left_out"] == {"pages without text": {"count": 12, "documents": 3}}
