# SPDX-License-Identifier: GPL-3.0-or-later
#
# growth-tables: the points of growth-points as text, json or markdown, by the variable format. Ends with 1 where
# memory grew by more than a bit for each era block.

BEGIN {
	heading["size"] = "size of the device"
	heading["changed"] = "bytes changed"
	heading["chain"] = "incrementals"
	kind_text[1] = "elapsed"
	kind_text[2] = "processor"
	kind_text[3] = "peak memory"
	kind_key[1] = "elapsed_s"
	kind_key[2] = "processor_s"
	kind_key[3] = "peak_bytes"
	each_text["size"] = "bytes of memory an era block"
	each_text["chain"] = "bytes of memory a stream"
}

function shown(v, kind) {
	return kind == 3 ? mebibytes(v) : seconds(v)
}

# A bit an era block is 0.125.
function each_of(s, name) {
	return unsigned_zero(sprintf(s == "size" ? "%.3f" : "%.0f", bytes_each(s, name)))
}

function text(s,    n, k, i, name) {
	printf "%-30s", heading[s]
	for (i = 1; i <= nr_points[s]; i++)
		printf "%11s", x_text(s, x_of[s, i])
	printf "   exponent, %s\n", x_range(s)
	for (n = 1; n <= nr_names[s]; n++) {
		name = name_of[s, n]
		for (k = 1; k <= 3; k++) {
			printf "%-18s%-12s", k == 1 ? name : "", kind_text[k]
			for (i = 1; i <= nr_points[s]; i++)
				printf "%11s", shown(cost(s, name, i, k), k)
			printf "%11s\n", exponent(s, name, k)
		}
		if (s in each_text)
			printf "%-18s%s %s\n", "", each_of(s, name), each_text[s]
	}
	print ""
}

function markdown(s,    n, i, last, name) {
	last = nr_points[s]
	printf "| %s | time at %s | at %s | exponent | of processor time | ", heading[s], x_text(s, x_of[s, 1]),
		x_text(s, x_of[s, last])
	printf "memory at %s | at %s | exponent |%s\n", x_text(s, x_of[s, 1]), x_text(s, x_of[s, last]),
		s in each_text ? " " each_text[s] " |" : ""
	printf "|---|--:|--:|--:|--:|--:|--:|--:|%s\n", s in each_text ? "--:|" : ""
	for (n = 1; n <= nr_names[s]; n++) {
		name = name_of[s, n]
		printf "| %s | %s | %s | %s | %s | ", name, seconds(cost(s, name, 1, 1)), seconds(cost(s, name, last, 1)),
			exponent(s, name, 1), exponent(s, name, 2)
		printf "%s | %s | %s |", mebibytes(cost(s, name, 1, 3)), mebibytes(cost(s, name, last, 3)),
			exponent(s, name, 3)
		if (s in each_text)
			printf " %s |", each_of(s, name)
		printf "\n"
	}
	printf "\nExponents over %s.\n\n", x_range(s)
}

function json(s, is_last,    n, i, k, name) {
	printf "  {\"series\": \"%s\", \"x\": \"%s\", \"exponents_from\": %.0f, \"commands\": [\n", s, heading[s],
		x_of[s, first_of_slope(s)]
	for (n = 1; n <= nr_names[s]; n++) {
		name = name_of[s, n]
		printf "    {\"command\": \"%s\", \"exponent\": {", name
		for (k = 1; k <= 3; k++)
			printf "\"%s\": %.4f%s", kind_key[k], slope(s, name, k), k < 3 ? ", " : "}, \"points\": [\n"
		for (i = 1; i <= nr_points[s]; i++)
			printf "      {\"x\": %.0f, \"elapsed_s\": %.6f, \"processor_s\": %.6f, \"peak_bytes\": %.0f}%s\n", x_of[s, i],
				cost(s, name, i, 1), cost(s, name, i, 2), cost(s, name, i, 3), i < nr_points[s] ? "," : ""
		printf "    ]}%s\n", n < nr_names[s] ? "," : ""
	}
	printf "  ]}%s\n", is_last ? "" : ","
}

END {
	if (format == "json")
		printf "{\"runs\": %d, \"processors\": %d, \"load\": %s, \"block_bytes\": %d, \"series\": [\n", runs, processors,
			load, block_bytes
	for (j = 1; j <= nr_series; j++) {
		s = series_of[j]
		if (format == "json")
			json(s, j == nr_series)
		else if (format == "markdown")
			markdown(s)
		else
			text(s)
	}
	if (format == "json")
		print "]}"
	else
		printf "Medians of %d, with %d processors and a load of %s when it began.\n", runs, processors, load
	for (n = 1; n <= nr_names["size"]; n++)
		if (bytes_each("size", name_of["size", n]) > 0.125)
			too_much = 1
	exit too_much
}
