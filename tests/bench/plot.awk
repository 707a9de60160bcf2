# A plot as SVG: lines of "SERIES X Y" in, a drawing out. Awk only, so that the bench needs nothing to draw with.
#
#   awk -v title=... -v x_label=... -v y_label=... [-v logs=1] -f plot.awk
#
# logs: both axes are logarithmic, for what grows by powers. Points of a series are joined in the order they come in.

function x_of(v) { return left + (scale(v) - x_min) / (x_max - x_min) * (right - left) }
function y_of(v, s) { s = (scale(v) - y_min) / (y_max - y_min); return bottom - s * (bottom - top) }
function scale(v) { return logs ? log(v > 0 ? v : 1e-9) / log(10) : v }
function text(x, y, anchor, size, words) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\" fill=\"#333\">%s</text>\n", x, y, anchor, size, words
}
# A round number near a tenth of the span.
function step_of(span, raw, power) {
    raw = span / 6
    power = 10 ^ int(log(raw) / log(10) - (raw < 1))
    return raw / power > 5 ? power * 10 : raw / power > 2 ? power * 5 : raw / power > 1 ? power * 2 : power
}
function shown(v) { return v >= 1e6 ? v / 1e6 "M" : v >= 1e4 ? v / 1e3 "k" : v "" }

BEGIN {
    width = 760; height = 420; left = 70; right = 590; top = 46; bottom = 360
    split("#0b6e4f #c1121f #1d4e89 #e09f3e #7b2d8b #5c677d #00a6a6", colours, " ")
}

NF >= 3 && (!logs || ($2 > 0 && $3 > 0)) {
    if (!($1 in order)) { order[$1] = ++series; names[series] = $1 }
    n = ++points[$1]
    xs[$1, n] = $2; ys[$1, n] = $3
    if (!seen++) { x_min = x_max = scale($2); y_min = y_max = scale($3) }
    if (scale($2) > x_max) x_max = scale($2)
    if (scale($2) < x_min) x_min = scale($2)
    if (scale($3) > y_max) y_max = scale($3)
    if (scale($3) < y_min) y_min = scale($3)
}

END {
    if (!seen) exit 1
    if (!logs) { x_min = 0; y_min = 0 } else { y_min = int(y_min - 0.999); y_max = int(y_max + 0.999) }
    if (x_max == x_min) x_max = x_min + 1
    if (y_max == y_min) y_max = y_min + 1
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n", width, height
    printf "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", width, height
    text(left, 26, "start", 16, title)
    if (logs) {
        for (v = int(x_min); v <= x_max + 0.001; v++) { x = left + (v - x_min) / (x_max - x_min) * (right - left); line_x(x); text(x, bottom + 18, "middle", 12, shown(10 ^ v)) }
        for (v = y_min; v <= y_max + 0.001; v++) { y = bottom - (v - y_min) / (y_max - y_min) * (bottom - top); line_y(y); text(left - 8, y + 4, "end", 12, shown(10 ^ v)) }
    } else {
        for (v = 0; v <= x_max; v += step_of(x_max)) { line_x(x_of(v)); text(x_of(v), bottom + 18, "middle", 12, shown(v)) }
        for (v = 0; v <= y_max; v += step_of(y_max)) { line_y(y_of(v)); text(left - 8, y_of(v) + 4, "end", 12, shown(v)) }
    }
    text((left + right) / 2, bottom + 42, "middle", 13, x_label)
    printf "<text transform=\"translate(18 %d) rotate(-90)\" text-anchor=\"middle\" font-size=\"13\" fill=\"#333\">%s</text>\n", (top + bottom) / 2, y_label
    for (i = 1; i <= series; i++) {
        colour = colours[(i - 1) % 7 + 1]
        printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour
        for (n = 1; n <= points[names[i]]; n++) printf "%.1f,%.1f ", x_of(xs[names[i], n]), y_of(ys[names[i], n])
        print "\"/>"
        if (logs) for (n = 1; n <= points[names[i]]; n++) printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x_of(xs[names[i], n]), y_of(ys[names[i], n]), colour
        printf "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/>\n", right + 16, top + 20 * i - 4, colour
        text(right + 36, top + 20 * i + 2, "start", 13, names[i])
    }
    print "</svg>"
}

function line_x(x) { printf "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>\n", x, top, x, bottom }
function line_y(y) { printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left, y, right, y }
