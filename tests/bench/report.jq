# From the lines of figures that benchmarks write: medians, spread and ratios to the first peer of a scenario's list.
# Round 0 warms up. jq -s -f report.jq RESULTS...
def median: sort | if length == 0 then null elif length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def round3: if . == null then null else (. * 1000 | round) / 1000 end;

map(select(.round > 0 or (.figure | test("^warm") | not)) | select(.round > 0))
| group_by([.scenario, .figure])
| map(
    . as $rows
    | ($rows | map(select(.peer == "bare") | .value) | median) as $bare
    | ($rows | map(select(.peer == "berth") | .value) | median) as $berth
    | $rows
    | group_by(.peer)
    | map({
        scenario: .[0].scenario, figure: .[0].figure, unit: .[0].unit, peer: .[0].peer,
        rounds: length,
        median: (map(.value) | median | round3),
        min: (map(.value) | min | round3), max: (map(.value) | max | round3),
        toBare: (if $bare then (map(.value) | median) / $bare | round3 else null end),
        toBerth: (if $berth and $berth != 0 then (map(.value) | median) / $berth | round3 else null end)
      }))
| add // []
