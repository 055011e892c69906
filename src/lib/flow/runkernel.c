/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/runkernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

int runkernel_judge(bool allow, struct runkernel *k, struct err *e)
{
	struct utsname u = {0};

	memset(k, 0, sizeof(*k));
	uname(&u);
	snprintf(k->release, sizeof(k->release), "%.63s", u.release);
	k->verdict = kernelver_judge(u.release, u.version);
	if (k->verdict == KERNELVER_FINE)
		return 0;
	snprintf(k->warning, sizeof(k->warning), "kernel %.60s: %s", u.release,
		 kernelver_reason(k->verdict));
	if (k->verdict != KERNELVER_REFUSE || allow)
		return 0;
	err_set(e, ERR_RUNTIME, "%s", k->warning);
	return err_hint(e, "use a newer kernel, or --allow-kernel if it has the fixes");
}
