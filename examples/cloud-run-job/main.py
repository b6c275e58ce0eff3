"""A Cloud Run job that makes a CSV file every morning, and puts it into Google Drive by way of drive-courier.

Its attached service account is who calls; there is no key. Set-up: docs/recipes/cloud-run-job.md
Environment: COURIER_URL; COURIER_AUDIENCE where tokens are made for another URL; REPORT_DAY to repeat the report of a day.
"""
import csv
import datetime
import io
import os
import sys

from drive_courier import Client, CourierError


def report(day):
    """Your query belongs here. Returns the rows of one day."""
    return [["day", "orders"], [day.isoformat(), 7]]


def main():
    # The day comes from outside where a missed morning is repeated; the key follows from it.
    given = os.environ.get("REPORT_DAY")
    day = datetime.date.fromisoformat(given) if given else datetime.datetime.now(datetime.timezone.utc).date()
    text = io.StringIO()
    csv.writer(text).writerows(report(day))
    client = Client(os.environ["COURIER_URL"], audience=os.environ.get("COURIER_AUDIENCE"))
    receipt = client.send(
        text.getvalue().encode("utf-8"),
        name=f"orders-{day}.csv",
        path=f"orders/{day:%Y/%m}",
        # Cloud Run starts a failed task again, up to --max-retries: the same key makes it the same file.
        key=f"orders-{day}",
    )
    print(f"{receipt.outcome}: {receipt.web_view_link}")


if __name__ == "__main__":
    try:
        main()
    except CourierError as error:
        # A failed task; its last line in the log says what to do.
        sys.exit(f"{error}")
