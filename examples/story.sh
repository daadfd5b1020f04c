#!/bin/sh
# The main path on a small synthetic world: data, check, train, recommend, similar, evaluate.
# Needs `bowerbird` on PATH; no network. Stops at the first thing that is not as promised.
set -eu

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

expect() { # expect WHAT GOT WANTED
  [ "$2" = "$3" ] || { echo "story: $1: $3 expected, $2 came" >&2; exit 1; }
}

told() { # told KEY: the number that is the value of KEY in the JSON on standard input
  tr ',{}' '\n\n\n' | sed -n "s/^ *\"$1\": *\([0-9.-]*\) *$/\1/p" | head -n 1
}

echo "1 data: 20,000 events of 606 people on 100 items"
bowerbird datasets --synthetic world --events 20000
tables="--events world/events.parquet --items world/items.parquet --users world/users.parquet"

echo "2 check: nothing is broken"
bowerbird check $tables
expect "errors found" "$(bowerbird check $tables --json | grep -c '"level": "error"' || true)" 0

echo "3 train: a recipe becomes a run"
bowerbird train $tables --model ease --out runs/ease
expect "the run's model" "$(sed -n 's/^ "model": "\(.*\)",$/\1/p' runs/ease/run.json)" ease
bowerbird train runs/ease/recipe.toml --out runs/again
cmp runs/ease/model/arrays.safetensors runs/again/model/arrays.safetensors
bowerbird doctor runs/ease | grep "whole; ease, 20,000 events"

echo "4 recommend: five items to everybody, none seen before, none twice"
bowerbird recommend runs/ease --all-users -k 5 --out lists.csv
expect "rows of lists.csv" "$(wc -l < lists.csv | tr -d ' ')" 3031
expect "items listed twice" "$(cut -d, -f1,2 lists.csv | sort | uniq -d | wc -l | tr -d ' ')" 0
printf 'user,item,order\nguest,i1,1\nguest,i11,2\n' > session.csv
bowerbird recommend runs/ease --history session.csv -k 5 --out guest.csv
expect "rows for a stranger" "$(wc -l < guest.csv | tr -d ' ')" 6
expect "items of the session" "$(grep -c -e ',i1,' -e ',i11,' guest.csv || true)" 0
bowerbird recommend runs/ease --user nobody -k 3

echo "5 similar: what lies near an item"
bowerbird similar runs/ease i1 -k 3
expect "near items" "$(bowerbird similar runs/ease i1 -k 3 --json | tr '}' '\n' | grep -c rank)" 3

echo "6 ask: one list of any surface, with reasons"
bowerbird ask runs/ease --user u3 --explain
bowerbird ask runs/ease goes-with --item i1 -k 3
expect "reasons" "$(bowerbird ask runs/ease --user u3 -k 1 --json | grep -c '"because": \[{"item"')" 1

echo "7 evaluate: on what came after the cut, with intervals"
bowerbird evaluate $tables --split time --models popularity,cooccurrence,ease --out report
for file in report/report.json report/report.html; do [ -s "$file" ]; done
queries=$(told queries < report/report.json)
[ "$queries" -gt 100 ] || { echo "story: more than 100 queries expected, $queries came" >&2; exit 1; }
grep -q '"model": "ease"' report/report.json

echo "8 what is wrong is said in one line, with exit code 2"
code=0
bowerbird train --events nothing.csv --out runs/none 2> said.txt || code=$?
expect "exit code" "$code" 2
expect "lines said" "$(wc -l < said.txt | tr -d ' ')" 1
[ ! -e runs/none ]

echo "story: done"
