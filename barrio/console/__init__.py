"""The console in the browser: the district as a map, its points over time, alarms, and why something is empty.

`front` stands before the application and costs nothing until somebody opens a page; `shell` is the part that needs
NiceGUI, imported with the first page.
"""
