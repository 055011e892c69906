/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cores: how many threads a program should start. */
#ifndef ERA_SYSTEM_CORES_H
#define ERA_SYSTEM_CORES_H

/* Memory grows by about 4 MiB a thread, hence a bound for the default. */
#define CORES_DEFAULT_MAX 8u
#define CORES_MAX 256u

/* The cores this process may run on, 1 to CORES_DEFAULT_MAX. */
unsigned int cores_default(void);

#endif
