// bowerbird: tells what was seen and clicked of lists. docs/browser.md says how, and what is sent.
// It is served without comments and indentation.
try {
  const ITEM = "[data-rec-id][data-item]", WHO = "bowerbird.visitor", ROW = "bowerbird:",
    FULL = 20, TICK = 200, now = Date.now, page = document,
    safe = f => (...a) => { try { return f(...a) } catch {} },
    on = (f, ...names) => names.forEach(n => addEventListener(n, safe(f), true)),
    disk = safe((verb, ...a) => localStorage[verb + "Item"](...a)),
    uuid = () => crypto.randomUUID?.() || crypto.getRandomValues(new Uint32Array(4)).join("-"),
    { key, url } = page.querySelector("script[data-key][data-url]").dataset,
    to = url.replace(/\/$/, "") + "/v1/collect?key=" + key,
    visitor = disk("get", WHO) || uuid(),
    rows = new Set(), left = new Set(), told = new Set(), views = new Map()
  let off, busy, due = 0, fails = 0

  // Rows wait, here and on disk, until the service has said that it has them.
  const drop = r => { rows.delete(r); disk("remove", ROW + r.event_id) },
    add = more => {
      const r = { event_id: uuid(), ...more, visitor, time: now() }, text = JSON.stringify(r)
      if (off || text.length > 3e3) return
      rows.add(r)
      disk("set", ROW + r.event_id, text)
      if (!fails && rows.size >= FULL) due = 0
    },
    body = some => JSON.stringify({
      events: some.filter(r => r.type), exposures: some.filter(r => !r.type), sent_at: now()
    }),
    send = async () => {
      rows.forEach(r => now() - r.time < 864e5 || drop(r))
      const some = [...rows].slice(0, FULL)
      busy = 1
      const { status } = await fetch(to, { method: "POST", body: body(some), keepalive: true })
        .catch(() => 0)
      busy = 0
      if (status < 500 && status != 429) { fails = 0; some.forEach(drop) } else fails++
      due = now() + Math.min(2 ** fails, 60) * (1 + Math.random()) * 1e3
    },
    // Whether this arrives is never heard: the next page sends these rows once more.
    leave = () => {
      const some = [...rows].filter(r => !left.has(r)).slice(0, FULL)
      if (!some[0] || !navigator.sendBeacon(to, body(some))) return
      some.forEach(r => left.add(r))
      leave()
    }

  // An item counts as seen when half of it was in view for a second on end.
  const sights = new IntersectionObserver(list => list.forEach(e => {
      const el = e.target, share = e.intersectionRatio
      share < .5 ? views.delete(el) : views.set(el, { ...views.get(el), share })
    }), { threshold: [.5, .75, 1] }),
    scan = () => page.querySelectorAll(ITEM).forEach(el => sights.observe(el)),
    timer = setInterval(safe(() => {
      page.hidden || views.forEach((v, el) => {
        const { recId: rec_id, item, position } = el.dataset, name = rec_id + item
        v.ms = v.name == name ? v.ms + TICK : 0
        v.name = name
        if (v.ms < 1e3 || !el.offsetHeight || told.has(name)) return
        told.add(name)
        add({ rec_id, item, position: +position, visible_ms: v.ms, share: v.share })
      })
      if (rows.size && !busy && now() > due) send()
    }), TICK)

  on(e => {
    const { recId: rec_id, item } = e.target.closest(ITEM).dataset
    if (e.button < 2) add({ type: "click", item, rec_id })
  }, "click", "auxclick")
  on(leave, "pagehide", "visibilitychange")
  disk("set", WHO, visitor)
  safe(() => Object.keys(localStorage).forEach(safe(n =>
    n.startsWith(ROW) && rows.add(JSON.parse(disk("get", n)))
  )))()
  scan()
  new MutationObserver(scan).observe(page, { childList: true, subtree: true })
  window.bowerbird = {
    visitor,
    event: safe((type, item, more) => add({ ...more, type, item: "" + item })),
    off: safe(() => {
      off = 1
      clearInterval(timer)
      rows.forEach(drop)
      disk("remove", WHO)
    })
  }
} catch {}
