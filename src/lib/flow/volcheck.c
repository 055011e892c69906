/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/volcheck.h"

#include <limits.h>
#include <string.h>

#include "flow/volshow.h"
#include "words/json.h"
#include "world/labelio.h"
#include "world/metasuper.h"
#include "world/metawalk.h"
#include "world/resolve.h"

#define ull unsigned long long

int volcheck_dump(const char *spec, bool json, FILE *f, struct err *e)
{
	struct labelio_found found;
	char path[PATH_MAX];
	struct label l;

	if (resolve_existing(spec, RESOLVE_META, path, e) || labelio_read(path, &l, &found, e) ||
	    volshow_label(f, path, &l, &found, json, e))
		return -1;
	if (json)
		fputc('\n', f);
	return json_end(f, "standard output", e);
}

/* One whole copy is enough to open it; check tells of the other. */
static int check_copies(const char *path, const struct labelio_found *found, struct err *e)
{
	int i;

	for (i = 0; i < LABEL_COPIES; i++) {
		if (found->copy[i] == LABELIO_WHOLE && found->sequence[i] == found->sequence[found->taken])
			continue;
		err_set(e, ERR_CORRUPT, "%s: copy %d of the label is %s", path, i + 1,
			found->copy[i] == LABELIO_WHOLE ? "an older one" : labelio_copy_name(found->copy[i]));
		return err_hint(e, "the other is whole; opening the volume writes both");
	}
	return 0;
}

int volcheck(const char *spec, char words[VOLCHECK_WORDS], struct err *e)
{
	struct labelio_found found;
	struct metacheck_report r;
	struct metasuper s;
	char path[PATH_MAX];
	struct label l;

	if (resolve_existing(spec, RESOLVE_META, path, e) || labelio_read(path, &l, &found, e) ||
	    check_copies(path, &found, e) ||
	    metasuper_read(path, l.meta_offset, l.meta_bytes, &s, e))
		return -1;
	if (s.blank) {
		snprintf(words, VOLCHECK_WORDS, "the label is good, the metadata is blank");
		return 0;
	}
	if (metawalk_check(path, l.meta_offset, l.meta_bytes, &r, e))
		return -1;
	snprintf(words, VOLCHECK_WORDS,
		 "the label and the metadata are good: era %u, %llu of %llu blocks in use%s%s", r.era,
		 (ull)r.counted_blocks, (ull)r.total_blocks, r.held ? ", a snapshot held" : "",
		 r.leaked_blocks || r.excess_blocks ? "; some are lost to leaks, which costs room only" : "");
	return 0;
}
