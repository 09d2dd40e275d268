"""What dashboards are made of: texts, queries, panels, pages. This is how a page is written.

A page is a module of `dashboards` with a function `page(inventory, options) -> Dashboard | None`:

    from dashboards.kit.page import Page
    from dashboards.kit.panels import figure, trend, per_day
    from dashboards.kit.series import of
    from dashboards.kit.texts import Text

    def page(inventory: Inventory, options: Options) -> Dashboard | None:
        page = Page(inventory, "energy", Text("Energy", "Energía"), Text("What …", "Qué …"), options)
        page.row(Text("Now", "Ahora"))
        page.add(figure(Text("Power", "Potencia"), of("active_power", kind="District"), about=Text("…", "…")))
        page.add(trend(Text("Power by site", "Potencia por sitio"), of("active_power", by="site", fold="sum"), about=…))
        return page.build()

- `page.add` leaves a panel out when the district has nothing of what it reads, and answers whether it was added; a row
  appears with its first panel; `build` answers None when nothing was added, and adds the table "Silent now, and why".
- `of(quantity, by=…, fold=…, take=…, kind=…, point=…, within=…, owners=…, pick=…, over=…)` says what is read: see
  `dashboards.kit.series.of`. Resolution is chosen by itself: one guarded query for each that may answer
  (`dashboards.kit.steps`). `over="now"` is one number as of now, `over="range"` one for the whole range.
- Panels (`dashboards.kit.panels`): `trend`, `figure` (number with sparkline), `per_day` (bars per day of the
  district's calendar), `bars`, `ranking` (largest first), `dial`, `states`, `heat`, `listing` (a table of one query
  over the facts of `twin.facts`, given as `Told(query=…)`), `compare` (a table, one column for each `of`), `places`
  (map, `Layer`s of `Told`s that answer with lat and lon), `words`, `alert_list`. All take `about=Text(…)`, `width`,
  `height` (or `.sized(w, h)`), `unit`, `decimals`, `minimum`, `maximum`, `thresholds=[(None, GOOD), (5, BAD)]`,
  `shown={"value": (Text, colour)}`, `limits` (bands of the alarm rules), `last="7d"` (a range of its own),
  `links=[(Text, url)]`, `key` (what the id is made of; the English title when left out), `empty` (why it may be).
- By itself: unit of the quantity, limits of alarm rules, words and colours of states, names of devices and sites,
  colours, link of every number to its device (`by` has `device`, or there is one) or to the page that lists the
  devices (`page.lists`, "quality"), where the numbers come from.
- A sum over devices `over="now"` is exact. A sum over time may fall short in its last, unfinished step: for a figure
  with a sparkline take a point that barrio computes (`computed=True`) where there is one, else `over="now"`.
- `page.variable("site", Text, {id: name})`, then `of(…, pick={"site": "site"})` (tag to variable).
- Names from files become text only through `texts.shown`, `Text.fill`, `texts.in_markdown`; values become part of a
  query only through `influxql.value`, `influxql.one_of`, `influxql.name`.
- `common.page_url(district, page)` and `common.device_url(district)` are links that keep the time range.
"""
