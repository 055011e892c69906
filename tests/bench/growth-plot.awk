# SPDX-License-Identifier: GPL-3.0-or-later
#
# growth-plot: one series of growth-points as an SVG: time on the left, memory on the right, both axes logarithmic,
# and below them the commands with their exponents. On white, so that it can be read on a dark page too.
#
# Variables: series, title, x_label, x_unit (bytes or number), block_bytes, time (elapsed or processor). The panels
# are those of cost 1, which is the time that was asked for, and of cost 3.

BEGIN {
	width = 1000
	top = 78
	high = 300
	wide = 400
	left_of[1] = 74
	left_of[3] = 574
	pad = 14
	split("#0072b2 #d55e00 #009e73 #a63d8f #8a6d00", colour, " ")
	grey = "#767676"
}

function plotted(n, i, kind) {
	return cost(series, name_of[series, n], i, kind == 1 && time == "processor" ? 2 : kind)
}

function log_of(v, base) {
	return log(v) / log(base)
}

function floor(v,    i) {
	i = int(v)
	return i > v ? i - 1 : i
}

function ceil(v) {
	return -floor(-v)
}

function round(v) {
	return floor(v + 0.5)
}

# Where a value is in the panel of a kind of cost.
function px(kind, x) {
	return left_of[kind] + pad + (wide - 2 * pad) * (log(x) - x_low) / (x_high - x_low)
}

function py(kind, y) {
	return top + high * (y_high[kind] - log(y)) / (y_high[kind] - y_low[kind])
}

# Whole powers around all that is drawn: of ten for time, of two for memory. Not less than a factor of 1000 and of 64,
# so that what hardly grows does not look steep.
function scale(kind,    n, i, v, low, high_end, base, least) {
	base = kind == 3 ? 2 : 10
	least = kind == 3 ? 6 : 3
	low = 1e300
	high_end = 0
	for (n = 1; n <= nr_names[series]; n++)
		for (i = 1; i <= nr_points[series]; i++) {
			v = plotted(n, i, kind)
			low = v < low ? v : low
			high_end = v > high_end ? v : high_end
		}
	low = floor(log_of(low, base))
	high_end = ceil(log_of(high_end, base))
	if (high_end - low < least - 1)
		low--
	if (high_end - low < least)
		high_end = low + least
	y_base[kind] = base
	y_first[kind] = low
	y_last[kind] = high_end
	y_low[kind] = low * log(base)
	y_high[kind] = high_end * log(base)
}

function text(x, y, anchor, more, s) {
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", x, y, anchor, more, s
}

function line(x1, y1, x2, y2, more) {
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, more
}

function grid(x1, y1, x2, y2) {
	line(x1, y1, x2, y2, "stroke=\"#dddddd\"")
}

function power_text(kind, v) {
	if (kind == 3)
		return binary(v)
	return v < 0.00099 ? round(v * 1e6) " µs" : v < 0.99 ? round(v * 1e3) " ms" : round(v) " s"
}

function y_axis(kind,    e, y, m) {
	for (e = y_first[kind]; e <= y_last[kind]; e++) {
		y = py(kind, exp(e * log(y_base[kind])))
		grid(left_of[kind], y, left_of[kind] + wide, y)
		text(left_of[kind] - 8, y + 4, "end", "", power_text(kind, exp(e * log(y_base[kind])) + 1e-9))
		for (m = 2; kind == 1 && e < y_last[kind] && m < 10; m++) {
			y = py(kind, m * exp(e * log(10)))
			line(left_of[kind], y, left_of[kind] + 4, y, "stroke=\"" grey "\"")
		}
	}
}

function x_tick(kind, x, len) {
	line(px(kind, x), top + high, px(kind, x), top + high - len, "stroke=\"" grey "\"")
}

function x_named(kind, x) {
	grid(px(kind, x), top, px(kind, x), top + high)
	text(px(kind, x), top + high + 18, "middle", "", x_text(series, x))
}

# Bytes: a tick at each power of four, a name at what was measured. Numbers: names at powers of ten and at the last.
function x_axis(kind,    e, m, i, last) {
	last = nr_points[series]
	if (x_unit == "bytes") {
		for (e = round(x_low / log(4)); e * log(4) < x_high + 0.01; e++)
			x_tick(kind, exp(e * log(4)), 4)
		for (i = 1; i <= last; i++)
			x_named(kind, x_of[series, i])
		return
	}
	for (e = 1; e <= x_of[series, last]; e *= 10) {
		x_named(kind, e)
		for (m = 2; m < 10 && m * e <= x_of[series, last]; m++)
			x_tick(kind, m * e, 4)
	}
	if (x_of[series, last] > 2 * e / 10)
		x_named(kind, x_of[series, last])
}

function mark(kind_of_mark, x, y, c,    f) {
	f = "fill=\"" c "\""
	if (kind_of_mark == 1)
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" %s/>\n", x, y, f
	else if (kind_of_mark == 2)
		printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"7.4\" height=\"7.4\" %s/>\n", x - 3.7, y - 3.7, f
	else if (kind_of_mark == 3)
		printf "<path d=\"M%.1f %.1fl4.6 8h-9.2z\" %s/>\n", x, y - 5, f
	else if (kind_of_mark == 4)
		printf "<path d=\"M%.1f %.1fl5 5-5 5-5-5z\" %s/>\n", x, y - 5, f
	else
		printf "<path d=\"M%.1f %.1fl4.6-8h-9.2z\" %s/>\n", x, y + 5, f
}

function curve(kind, n,    i, d) {
	for (i = 1; i <= nr_points[series]; i++)
		d = d sprintf("%s%.1f %.1f", i == 1 ? "M" : "L", px(kind, x_of[series, i]),
			py(kind, plotted(n, i, kind)))
	printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", d, colour[n]
	for (i = 1; i <= nr_points[series]; i++)
		mark(n, px(kind, x_of[series, i]), py(kind, plotted(n, i, kind)), colour[n])
}

function dashed(kind, d) {
	printf "<path d=\"%s\" clip-path=\"url(#panel%d)\" fill=\"none\" stroke=\"%s\" stroke-dasharray=\"5 4\"/>\n", d,
		kind, grey
}

# What is proportional, through the end of the slowest command.
function guide_time(    n, i, v, most, last, d) {
	last = nr_points[series]
	for (n = 1; n <= nr_names[series]; n++) {
		v = plotted(n, last, 1)
		most = v > most ? v : most
	}
	for (i = 1; i <= last; i++)
		d = d sprintf("%s%.1f %.1f", i == 1 ? "M" : "L", px(1, x_of[series, i]),
			py(1, most * x_of[series, i] / x_of[series, last]))
	dashed(1, d)
}

# What is allowed: a bit for each era block beside what the largest command takes for the smallest device.
function guide_memory(    n, i, v, most, x, d) {
	for (n = 1; n <= nr_names[series]; n++) {
		v = plotted(n, 1, 3)
		most = v > most ? v : most
	}
	for (i = 0; i <= 60; i++) {
		x = exp(x_low + (x_high - x_low) * i / 60)
		d = d sprintf("%s%.1f %.1f", i == 0 ? "M" : "L", px(3, x), py(3, most + x / block_bytes / 8))
	}
	dashed(3, d)
}

function panel(kind, name,    n) {
	text(left_of[kind] + wide / 2, top - 14, "middle", "font-size=\"14\" font-weight=\"bold\"", name)
	y_axis(kind)
	x_axis(kind)
	printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>\n", left_of[kind], top,
		wide, high, grey
	printf "<clipPath id=\"panel%d\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n", kind,
		left_of[kind], top, wide, high
	text(left_of[kind] + wide / 2, top + high + 40, "middle", "", x_label)
	if (kind == 1)
		guide_time()
	else if (series == "size")
		guide_memory()
	for (n = 1; n <= nr_names[series]; n++)
		curve(kind, n)
}

function minus(t) {
	sub(/^-/, "−", t)
	return t
}

function legend(kind,    n, y, x) {
	x = left_of[kind]
	y = top + high + 70
	text(x + wide, y, "end", "fill=\"" grey "\"", (kind == 1 ? "processor" : "exponent, " x_range(series)))
	if (kind == 1)
		text(x + wide - 76, y, "end", "fill=\"" grey "\"", "exponent, " x_range(series) ": elapsed")
	for (n = 1; n <= nr_names[series]; n++) {
		y += 20
		line(x, y - 4, x + 30, y - 4, "stroke=\"" colour[n] "\" stroke-width=\"2\"")
		mark(n, x + 15, y - 4, colour[n])
		text(x + 40, y, "start", "", name_of[series, n])
		text(x + wide, y, "end", "", minus(exponent(series, name_of[series, n], kind == 1 ? 2 : 3)))
		if (kind == 1)
			text(x + wide - 76, y, "end", "", minus(exponent(series, name_of[series, n], 1)))
	}
	if (kind == 3 && series != "size")
		return
	y += 20
	line(x, y - 4, x + 30, y - 4, "stroke=\"" grey "\" stroke-dasharray=\"5 4\"")
	text(x + 40, y, "start", "fill=\"" grey "\"",
		kind == 1 ? "proportional" : "allowed: a constant and one bit an era block")
	if (kind == 1)
		text(x + wide - (time == "processor" ? 0 : 76), y, "end", "fill=\"" grey "\"", "1.00")
}

END {
	x_low = log(x_of[series, 1])
	x_high = log(x_of[series, nr_points[series]])
	height = top + high + 70 + 20 * (nr_names[series] + 1) + 20
	scale(1)
	scale(3)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" ", width, height
	printf "width=\"%d\" height=\"%d\" ", width, height
	print "font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" font-size=\"12.5\" fill=\"#222222\">"
	printf "<title>%s</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", title, width, height
	text(width / 2, 32, "middle", "font-size=\"17\" font-weight=\"bold\"", title)
	panel(1, time == "processor" ? "processor time" : "time elapsed")
	panel(3, "peak memory")
	legend(1)
	legend(3)
	print "</svg>"
}
