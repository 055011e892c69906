# SPDX-License-Identifier: GPL-3.0-or-later
#
# growth-points: what tests/bench/growth measured, for the tables and the plots of it.
#
# Reads lines "SERIES X NAME ELAPSED_US PROCESSOR_US PEAK_KIB", by tabs, one for each time that a command ran, ordered
# by X within a series. Gives
#
#   nr_series, series_of[1..]        in the order in which they came
#   nr_names[s], name_of[s, 1..]     the commands of a series
#   nr_points[s], x_of[s, 1..]       its points
#   cost(s, name, i, kind)           the median there: kind 1 is seconds elapsed, 2 of processor, 3 bytes of memory
#   slope(s, name, kind)             the exponent: least squares of the logarithms of the upper half of the points
#   first_of_slope(s)                the first of those points

BEGIN {
	FS = "\t"
}

{
	if (!($1 in nr_points))
		series_of[++nr_series] = $1
	if (!(($1, $2) in seen_x)) {
		seen_x[$1, $2] = ++nr_points[$1]
		x_of[$1, nr_points[$1]] = $2
	}
	if (!(($1, $3) in seen_name)) {
		seen_name[$1, $3] = 1
		name_of[$1, ++nr_names[$1]] = $3
	}
	for (k = 1; k <= 3; k++)
		costs[$1, $3, seen_x[$1, $2], k] = costs[$1, $3, seen_x[$1, $2], k] " " $(3 + k)
}

function median(list,    v, n, i, j, t) {
	n = split(list, v, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
			t = v[j]
			v[j] = v[j - 1]
			v[j - 1] = t
		}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function cost(s, name, i, kind) {
	return median(costs[s, name, i, kind]) * (kind == 3 ? 1024 : 1e-6)
}

function first_of_slope(s) {
	return int(nr_points[s] / 2) + 1
}

function slope(s, name, kind,    i, n, x, y, sx, sy, sxx, sxy) {
	for (i = first_of_slope(s); i <= nr_points[s]; i++) {
		x = log(x_of[s, i])
		y = log(cost(s, name, i, kind))
		n++
		sx += x
		sy += y
		sxx += x * x
		sxy += x * y
	}
	return n < 2 ? 0 : (n * sxy - sx * sy) / (n * sxx - sx * sx)
}

function unsigned_zero(t) {
	if (t ~ /^-0\.?0*$/)
		sub(/-/, "", t)
	return t
}

function exponent(s, name, kind) {
	return unsigned_zero(sprintf("%.2f", slope(s, name, kind)))
}

# Three digits that count, as far as there are so many.
function short(v) {
	return sprintf(v < 9.995 ? "%.2f" : v < 99.95 ? "%.1f" : "%.0f", v)
}

function seconds(v) {
	return v < 0.9995 ? short(v * 1000) " ms" : short(v) " s"
}

function mebibytes(v) {
	return sprintf("%.1f MiB", v / 1048576)
}

# Of a power of two, or a small multiple: "16 GiB".
function binary(v,    i, unit) {
	split("B KiB MiB GiB TiB PiB", unit, " ")
	for (i = 1; v >= 1024 && i < 6; i++)
		v /= 1024
	return v " " unit[i]
}

function x_text(s, x) {
	return s == "chain" ? x : binary(x)
}

function x_range(s) {
	return x_text(s, x_of[s, first_of_slope(s)]) " to " x_text(s, x_of[s, nr_points[s]])
}

# Memory that came with each era block (series size) or stream (series chain), in bytes.
function bytes_each(s, name,    n, each) {
	n = nr_points[s]
	each = s == "size" ? block_bytes : 1
	return n < 2 ? 0 : (cost(s, name, n, 3) - cost(s, name, 1, 3)) / ((x_of[s, n] - x_of[s, 1]) / each)
}
