"""Run by a Python that has BORIS 10: open a project as BORIS does, and print its time budget.

BORIS is under the GPL, version 3: only this script, in a process of its own, imports it.
"""

import json
import os
import sys


def main() -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from boris import config, db_functions, project_functions, time_budget_functions

    path = sys.argv[1]
    _, changed, project, message = project_functions.open_project_json(path)
    observations = list(project["observations"])
    behaviours = [one["code"] for one in project["behaviors_conf"].values()]
    wrong = project_functions.check_project_integrity(
        project, config.S, path, media_file_available=False
    )
    unpaired, paired = project_functions.check_state_events(project, observations)
    budgets = {}
    for observation in observations:
        subjects = [config.NO_FOCAL_SUBJECT]
        events = db_functions.load_events_in_db(project, subjects, [observation], behaviours)
        parameters = {
            config.SELECTED_SUBJECTS: subjects,
            config.SELECTED_BEHAVIORS: behaviours,
            config.INCLUDE_MODIFIERS: False,
            config.EXCLUDE_BEHAVIORS: False,
            config.START_TIME: 0,
            config.END_TIME: max(
                map(float, project["observations"][observation]["media_info"]["length"].values())
            ),
        }
        rows, _ = time_budget_functions.time_budget_analysis(
            project["behaviors_conf"], events, [observation], parameters
        )
        budgets[observation] = {
            row["behavior"]: [row["duration"], int(row["number"]), row["duration_mean"]]
            for row in rows
        }
    print(
        json.dumps(
            {
                "changed": changed,
                "message": message or project.get("error"),
                "wrong": wrong,
                "paired": [] if unpaired else paired,
                "budgets": budgets,
            },
            default=float,
        )
    )


if __name__ == "__main__":
    main()
