from dataclasses import replace

from tasks.operate.estimate import ModelPlan
from tasks.operate.report import model_plan_rows, report_rows
from tasks.progress import LeftOut, RunReport


def test_a_report_says_what_is_not_in_the_text_of_documents() -> None:
    report = RunReport("notes", "ingest", "r1")
    for _ in range(3):
        report.documents.leave_out({"pages without text": LeftOut(4, 1)})
    assert ("left out", "12 pages without text, in 3 documents") in report_rows(report)
    assert report.to_dict()["documents"]["left_out"] == {"pages without text": {"count": 12, "documents": 3}}


def test_a_plan_says_what_a_model_costs_where_that_is_known() -> None:
    here = ModelPlan("m", "notes.m.1", True, texts=5, tokens=50, seconds=3, measured="the last run")
    assert ("  expected time", "3 s (by the last run); cost: none, the model runs here") in model_plan_rows(here)
    here.served = True
    priced = replace(here, price=0.02, cost=0.5)
    assert any(name == "  cost" and told.startswith("about 0.5 USD, at 0.02") for name, told in model_plan_rows(priced))
    assert ("  expected time", "3 s (by the last run); cost: as its service asks") in model_plan_rows(here)
