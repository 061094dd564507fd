"""Run the dashboard's page once without a browser: every import and every widget of its first view."""

import sys

from streamlit.testing.v1 import AppTest

page = AppTest.from_file("src/presentation/web/main.py", default_timeout=120).run()
for error in page.exception:
    sys.exit(f"{error.message}")
shown = [*page.title, *page.header, *page.subheader, *page.markdown]
if not shown:
    sys.exit("the page shows nothing")
print(len(shown), "elements")
