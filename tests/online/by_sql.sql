-- The same figures in plain SQL, written from docs/online-metrics.md and sharing no code with it.
-- Tables served, slots, seen, done, merges and a row of rules are there; figures is made.

CREATE TABLE people AS
WITH RECURSIVE walk(user, person, steps) AS (
  SELECT user, "into", 1 FROM merges
  UNION ALL
  SELECT walk.user, merges."into", steps + 1 FROM walk JOIN merges ON merges.user = walk.person
)
SELECT user, person FROM walk AS w
WHERE steps = (SELECT MAX(steps) FROM walk WHERE walk.user = w.user);
CREATE INDEX people_of ON people(user);

CREATE TABLE list AS
SELECT rec_id, time, surface, rung,
       COALESCE((SELECT person FROM people p WHERE p.user = s.user), s.user) AS person
FROM served s
WHERE time <= (SELECT as_of FROM rules)
  AND NOT EXISTS (SELECT 1 FROM served o WHERE o.rec_id = s.rec_id AND o.rowid < s.rowid);
CREATE UNIQUE INDEX list_of ON list(rec_id);

CREATE TABLE place AS
SELECT p.rec_id, p.item, MIN(p.position) AS position
FROM slots p JOIN list USING (rec_id) GROUP BY p.rec_id, p.item;
CREATE UNIQUE INDEX place_of ON place(rec_id, item);

CREATE TABLE event AS
SELECT kind, event_id, rec_id, item, time, value, currency, refers, visible_ms, share, who,
       COALESCE((SELECT person FROM people p WHERE p.user = who), who) AS person
FROM (
  SELECT 'seen' AS kind, event_id, rec_id, item, time, NULL AS value, NULL AS currency,
         NULL AS refers, visible_ms, share, user AS who,
         ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrived) AS nth
  FROM seen WHERE arrived <= (SELECT as_of FROM rules)
  UNION ALL
  SELECT type, event_id, rec_id, item, time, value, currency, refers, NULL, NULL, user,
         ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrived)
  FROM done WHERE arrived <= (SELECT as_of FROM rules)
) WHERE nth = 1;

-- of events that name a list, those that belong to it
CREATE TABLE fits AS
SELECT e.*, p.position, l.person AS holder, l.time AS served
FROM event e JOIN place p ON p.rec_id = e.rec_id AND p.item = e.item
JOIN list l ON l.rec_id = e.rec_id
WHERE e.person IS NULL OR l.person IS NULL OR e.person = l.person;
CREATE INDEX fits_of ON fits(rec_id, item, kind);
CREATE INDEX fits_by ON fits(kind, person, item, time);
CREATE INDEX fits_id ON fits(event_id);

CREATE TABLE look AS
SELECT rec_id, item, position, time, COALESCE(person, holder) AS person FROM fits, rules
WHERE kind = 'seen' AND (visible_ms IS NULL OR visible_ms >= 1000)
  AND (share IS NULL OR share >= 0.5)
UNION ALL
SELECT p.rec_id, p.item, p.position, l.time, l.person
FROM place p JOIN list l USING (rec_id), rules WHERE served_as_seen;
CREATE INDEX look_of ON look(rec_id, item);
CREATE INDEX look_by ON look(person, item, time);

CREATE TABLE fate AS
SELECT p.rec_id, p.item, p.position, l.person, l.time, l.surface,
       EXISTS (SELECT 1 FROM fits f WHERE f.rec_id = p.rec_id AND f.item = p.item
               AND f.kind = 'click') AS clicked,
       EXISTS (SELECT 1 FROM fits f WHERE f.rec_id = p.rec_id AND f.item = p.item
               AND f.kind IN ('hide', 'dislike')) AS hidden,
       EXISTS (SELECT 1 FROM fits f WHERE f.rec_id = p.rec_id AND f.item = p.item
               AND f.kind = 'seen') AS reported,
       EXISTS (SELECT 1 FROM look k WHERE k.rec_id = p.rec_id AND k.item = p.item)
       OR EXISTS (SELECT 1 FROM fits f WHERE f.rec_id = p.rec_id AND f.item = p.item
                  AND f.kind = 'click') AS seen
FROM place p JOIN list l USING (rec_id);
CREATE INDEX fate_of ON fate(rec_id);
CREATE INDEX fate_by ON fate(person, item);

CREATE TABLE gone AS
SELECT l.*, COALESCE(l.person, 'nobody of ' || l.rec_id) AS unit,
       COALESCE((SELECT MAX(clicked) FROM fate f WHERE f.rec_id = l.rec_id), 0) AS clicked,
       COALESCE((SELECT MAX(reported) FROM fate f WHERE f.rec_id = l.rec_id), 0) AS reported,
       COALESCE((SELECT MAX(seen) FROM fate f WHERE f.rec_id = l.rec_id), 0) AS seen
FROM list l;
CREATE UNIQUE INDEX gone_of ON gone(rec_id);

-- one touch a conversion: what it names, the last click, the last look
CREATE TABLE touch AS
SELECT e.*,
  (SELECT f.rec_id FROM fits f WHERE f.event_id = e.event_id AND f.kind = e.kind) AS direct,
  (SELECT f.rec_id FROM fits f
   WHERE f.kind = 'click' AND f.person = e.person AND f.item = e.item AND f.time <= e.time
     AND f.time >= e.time - CASE e.kind WHEN 'cart' THEN 86400000 ELSE 604800000 END
   ORDER BY f.time DESC, f.rec_id LIMIT 1) AS click,
  (SELECT k.rec_id FROM look k, rules
   WHERE view_ms > 0 AND k.person = e.person AND k.item = e.item AND k.time <= e.time
     AND k.time >= e.time - view_ms
   ORDER BY k.time DESC, k.rec_id LIMIT 1) AS look
FROM event e WHERE e.kind IN ('cart', 'purchase');

CREATE TABLE credit AS
SELECT event_id, kind, person, value, COALESCE(currency, 'XXX') AS currency,
       CASE WHEN direct IS NOT NULL THEN 'direct' WHEN click IS NOT NULL THEN 'click'
            WHEN look IS NOT NULL THEN 'view' ELSE 'none' END AS level,
       COALESCE(direct, click, look) AS rec_id
FROM touch;
CREATE UNIQUE INDEX credit_of ON credit(event_id);
INSERT INTO credit
SELECT e.event_id, e.kind, e.person, e.value, COALESCE(e.currency, 'XXX'),
       COALESCE(c.level, 'none'), c.rec_id
FROM event e LEFT JOIN credit c ON c.event_id = e.refers WHERE e.kind = 'refund';

CREATE TABLE money AS
SELECT c.*, g.surface, COALESCE(g.unit, c.person) AS unit
FROM credit c LEFT JOIN gone g USING (rec_id);

CREATE TABLE session AS
WITH moment AS (
  SELECT person, time FROM list WHERE person IS NOT NULL
  UNION SELECT person, time FROM event WHERE person IS NOT NULL
), step AS (
  SELECT person, time, COALESCE(
    time - LAG(time) OVER (PARTITION BY person ORDER BY time) > 1800000, 1) AS starts
  FROM moment
)
SELECT person, time, SUM(starts) OVER (PARTITION BY person ORDER BY time) AS nth FROM step;
CREATE UNIQUE INDEX session_of ON session(person, time);

CREATE TABLE figures AS
SELECT 'lists_served' AS metric, surface, COUNT(*) AS top, NULL AS bottom FROM gone GROUP BY surface
UNION ALL SELECT 'lists_seen', surface, SUM(seen), NULL FROM gone GROUP BY surface
UNION ALL SELECT 'ctr_list', surface, SUM(clicked), SUM(seen) FROM gone GROUP BY surface
UNION ALL SELECT 'ctr_slot', surface, SUM(clicked), SUM(seen) FROM fate GROUP BY surface
UNION ALL SELECT 'hide_rate', surface, SUM(hidden AND seen), SUM(seen) FROM fate GROUP BY surface
UNION ALL SELECT 'fallback_share', surface, SUM(rung IN ('segment', 'popular', 'baked')), COUNT(*)
  FROM gone GROUP BY surface
UNION ALL SELECT 'unreported_share', surface, SUM(NOT reported), COUNT(*) FROM gone GROUP BY surface
UNION ALL SELECT 'repeat_rate', surface, SUM(EXISTS (
    SELECT 1 FROM fate o WHERE o.person = f.person AND o.item = f.item AND o.seen
      AND (o.time < f.time OR (o.time = f.time AND o.rec_id < f.rec_id)))), COUNT(*)
  FROM fate f WHERE seen AND person IS NOT NULL GROUP BY surface
UNION ALL SELECT 'items_served', surface, COUNT(DISTINCT item), NULL FROM fate GROUP BY surface
UNION ALL SELECT 'items_seen', surface, COUNT(DISTINCT item), NULL FROM fate WHERE seen GROUP BY surface
UNION ALL SELECT 'conversions:' || kind || ':' || level, surface, COUNT(*), NULL
  FROM money WHERE kind != 'refund' GROUP BY kind, level, surface
UNION ALL SELECT 'revenue:' || currency || ':' || level, surface, SUM(value), NULL
  FROM money WHERE kind != 'cart' GROUP BY currency, level, surface
UNION ALL SELECT 'conversion_rate:purchase:attributed', surface, COUNT(DISTINCT CASE WHEN EXISTS (
    SELECT 1 FROM money m WHERE m.kind = 'purchase' AND m.level != 'none' AND m.unit = g.unit
      AND m.surface = g.surface) THEN unit END), COUNT(DISTINCT unit)
  FROM gone g WHERE seen GROUP BY surface
UNION ALL SELECT 'revenue_per_list:EUR', surface, (SELECT SUM(value) FROM money m
    WHERE m.kind != 'cart' AND m.level != 'none' AND m.currency = 'EUR' AND m.surface = g.surface),
    SUM(seen)
  FROM gone g GROUP BY surface
UNION ALL SELECT 'revenue_per_session:EUR', surface, (SELECT SUM(value) FROM money m
    WHERE m.kind != 'cart' AND m.level != 'none' AND m.currency = 'EUR' AND m.surface = g.surface),
    COUNT(DISTINCT unit || ' ' || COALESCE((SELECT nth FROM session s
      WHERE s.person = g.person AND s.time = g.time), 0))
  FROM gone g WHERE seen GROUP BY surface;
