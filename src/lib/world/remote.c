/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/remote.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h> /* ssh_send_keepalive, which clients need too */

#include "system/clock.h"
#include "system/stop.h"
#include "words/num.h"
#include "words/plain.h"
#include "world/dial.h"
#include "world/knownhosts.h"

#define UNUSED __attribute__((unused))

#define LOOK_MS 200
#define ERR_READ_LEN 4096u
/* What is there already is handed on together, up to so much: fewer system calls and wake-ups for everybody. */
#define BATCH_LEN (256u << 10)
/* A read that asks for more than is on its way lets the far side send that much: not for each packet of 32 KiB. */
#define GRANT_LEN (1u << 20)

/* AES in the processor is twice as fast as the library's first choice. All that it and OpenSSH have in common. */
#define CIPHERS                                                                                                       \
	"aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr"

struct remote {
	struct remote_opts o;
	struct dial *dial;
	ssh_session session;
	ssh_channel channel;
	ssh_event event;
	struct ssh_callbacks_struct session_cb;
	struct ssh_channel_callbacks_struct channel_cb;
	struct ssh_counter_struct counter; /* of the socket */
	struct remote_end end;
	char *host; /* ssh_config's HostName, where it has one */
	char *user;
	unsigned int port;
	bool by_command;
	size_t taken;	/* bytes since the far side was last told that it may send */
	uint64_t heard; /* bytes that had come */
	int64_t quiet_us; /* since when nothing came */
	int64_t asked_us; /* when the last keepalive was sent */
};

/* What libssh says, and what a ProxyCommand said before. */
static int broken(struct remote *r, const char *what, struct err *e)
{
	const char *said = r->dial ? dial_complaint(r->dial) : "";
	char why[256];

	snprintf(why, sizeof(why), "%s", ssh_get_error(r->session));
	return err_set(e, ERR_RUNTIME, "%s: %s: %s%s%s%s", r->o.object, what, plain_text(why), *said ? " (" : "", said,
		       *said ? ")" : "");
}

/* Options */

static int option(struct remote *r, enum ssh_options_e which, const void *value, struct err *e)
{
	return value && ssh_options_set(r->session, which, value) ? broken(r, "cannot connect", e) : 0;
}

/* Before ssh_config is read for what is asked there (Match), and after it because it sets them too. */
static int set_who(struct remote *r, struct err *e)
{
	if (option(r, SSH_OPTIONS_USER, r->o.user, e))
		return -1;
	return option(r, SSH_OPTIONS_PORT, r->o.port ? &r->o.port : NULL, e);
}

static int read_config(struct remote *r, struct err *e)
{
	if (r->o.ssh_config && access(r->o.ssh_config, R_OK))
		return err_sys(e, "%s: cannot read", r->o.ssh_config);
	/* Later versions would jump by themselves, and not through the socket we give them. */
	setenv("OPENSSH_PROXYJUMP", "1", 0);
	return ssh_options_parse_config(r->session, r->o.ssh_config) ? broken(r, "ssh_config", e) : 0;
}

static int set_options(struct remote *r, struct err *e)
{
	const int strict = 1;

	if (option(r, SSH_OPTIONS_HOST, r->o.host, e) || set_who(r, e) ||
	    option(r, SSH_OPTIONS_CIPHERS_C_S, CIPHERS, e) || option(r, SSH_OPTIONS_CIPHERS_S_C, CIPHERS, e) ||
	    read_config(r, e) || set_who(r, e))
		return -1;
	if (option(r, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict, e) ||
	    option(r, SSH_OPTIONS_KNOWNHOSTS, r->o.known_hosts, e) ||
	    option(r, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, r->o.known_hosts ? "/dev/null" : NULL, e))
		return -1;
	if (ssh_options_get(r->session, SSH_OPTIONS_USER, &r->user) &&
	    (ssh_options_set(r->session, SSH_OPTIONS_USER, NULL) ||
	     ssh_options_get(r->session, SSH_OPTIONS_USER, &r->user)))
		return broken(r, "who is the user", e);
	if (ssh_options_get(r->session, SSH_OPTIONS_HOST, &r->host) || ssh_options_get_port(r->session, &r->port))
		return broken(r, "cannot connect", e);
	return 0;
}

/* Waiting: libssh is never let wait by itself, it would not see a stop request */

static int wait_more(struct remote *r, int64_t until, const char *what, struct err *e)
{
	struct pollfd p = {.fd = ssh_get_fd(r->session), .events = POLLIN};

	if (stop_check(e))
		return -1;
	if (clock_us() >= until)
		return err_set(e, ERR_RUNTIME, "%s: %s took longer than %u s", r->o.object, what, r->o.timeout_s);
	if (ssh_get_poll_flags(r->session) & SSH_WRITE_PENDING)
		p.events |= POLLOUT;
	poll(&p, 1, LOOK_MS);
	return 0;
}

static int64_t deadline(const struct remote *r)
{
	return clock_us() + (int64_t)r->o.timeout_s * 1000000;
}

static int handshake(struct remote *r, struct err *e)
{
	const int64_t until = deadline(r);
	const int fd = dial_take(r->dial);
	int rc;

	if (option(r, SSH_OPTIONS_FD, &fd, e)) {
		close(fd);
		return -1;
	}
	ssh_set_blocking(r->session, 0);
	while ((rc = ssh_connect(r->session)) == SSH_AGAIN)
		if (wait_more(r, until, "the handshake", e))
			break;
	if (rc != SSH_OK && !e->kind)
		broken(r, "cannot connect", e);
	/* As if libssh had opened it: else it would neither close it nor leave it to us. It calls that an error. */
	ssh_options_set(r->session, SSH_OPTIONS_FD, NULL);
	return e->kind ? -1 : 0;
}

static int connect_host(struct remote *r, struct err *e)
{
	struct dial_opts d = {.host = r->host, .name = r->o.host, .port = r->port, .user = r->user};
	char *command = NULL;
	int rc;

	if (ssh_options_get(r->session, SSH_OPTIONS_PROXYCOMMAND, &command) == SSH_OK)
		d.command = command;
	r->by_command = d.command;
	d.object = r->o.object;
	d.timeout_s = r->o.timeout_s;
	rc = dial_up(&r->dial, &d, e);
	ssh_string_free_char(command);
	return rc ? -1 : handshake(r, e);
}

/* Who is it? */

static int refuse(struct remote *r, enum knownhosts_how how, ssh_key key, const char *file, struct err *e)
{
	struct knownhosts_who w = {.object = r->o.object, .file = file, .name = r->o.host, .host = r->host};
	unsigned char *hash = NULL;
	char *print = NULL;
	size_t len = 0;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	w.port = r->port;
	w.key_type = ssh_key_type_to_char(ssh_key_type(key));
	w.fingerprint = print ? print : "without a fingerprint";
	w.by_command = r->by_command;
	knownhosts_refuse(&w, how, e);
	ssh_clean_pubkey_hash(&hash);
	ssh_string_free_char(print);
	return -1;
}

/* A file that cannot be read to its end says "unknown" too: then nobody is let in by it. */
static bool is_new(struct remote *r)
{
	const enum ssh_known_hosts_e any = ssh_session_has_known_hosts_entry(r->session);

	return any == SSH_KNOWN_HOSTS_UNKNOWN || any == SSH_KNOWN_HOSTS_NOT_FOUND;
}

static int remember(struct remote *r, const char *file, struct err *e)
{
	char *line = NULL;
	int rc;

	if (ssh_session_export_known_hosts_entry(r->session, &line))
		return broken(r, "cannot remember the new host", e);
	rc = knownhosts_add(file, line, e);
	ssh_string_free_char(line);
	return rc;
}

static int judge_key(struct remote *r, ssh_key key, const char *key_base64, const char *const files[2], struct err *e)
{
	const enum ssh_known_hosts_e known = ssh_session_is_known_server(r->session);
	int i;

	for (i = 0; i < 2; i++)
		if (knownhosts_check(files[i], key_base64, r->o.object, e))
			return -1;
	switch (known) {
	case SSH_KNOWN_HOSTS_OK:
		return 0;
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		return r->o.accept_new && is_new(r) ? remember(r, files[0], e) :
						   refuse(r, KNOWNHOSTS_UNKNOWN, key, files[0], e);
	case SSH_KNOWN_HOSTS_CHANGED:
		return refuse(r, KNOWNHOSTS_CHANGED, key, files[0], e);
	case SSH_KNOWN_HOSTS_OTHER:
		return refuse(r, KNOWNHOSTS_OTHER_TYPE, key, files[0], e);
	case SSH_KNOWN_HOSTS_ERROR:
	default:
		return broken(r, "known_hosts", e);
	}
}

static int identify(struct remote *r, struct err *e)
{
	char *files[2] = {NULL, NULL};
	char *key_base64 = NULL;
	ssh_key key = NULL;

	if (ssh_options_get(r->session, SSH_OPTIONS_KNOWNHOSTS, &files[0]) ||
	    ssh_options_get(r->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, &files[1]) ||
	    ssh_get_server_publickey(r->session, &key) || ssh_pki_export_pubkey_base64(key, &key_base64))
		broken(r, "the host's key", e);
	else
		judge_key(r, key, key_base64, (const char *const *)files, e);
	ssh_string_free_char(files[0]);
	ssh_string_free_char(files[1]);
	ssh_string_free_char(key_base64);
	ssh_key_free(key);
	return e->kind ? -1 : 0;
}

/* Logging in */

/* Without it, OpenSSL would ask the terminal. */
static int no_passphrase(UNUSED const char *prompt, UNUSED char *buf, UNUSED size_t len, UNUSED int echo,
			 UNUSED int verify, UNUSED void *ctx)
{
	return -1;
}

static int load_identity(struct remote *r, ssh_key *key, struct err *e)
{
	if (access(r->o.identity, R_OK))
		return err_sys(e, "%s: cannot read the key %s", r->o.object, r->o.identity);
	if (ssh_pki_import_privkey_file(r->o.identity, NULL, no_passphrase, NULL, key) == SSH_OK)
		return 0;
	err_set(e, ERR_RUNTIME, "%s: %s: is no private key, or has a passphrase", r->o.object, r->o.identity);
	return err_hint(e, "nobody is asked for a passphrase: make a key without one, or leave it to the agent");
}

static int denied(struct remote *r, int rc, struct err *e)
{
	const char *agent = getenv("SSH_AUTH_SOCK");

	if (rc == SSH_AUTH_ERROR && !ssh_is_connected(r->session))
		return broken(r, "the connection broke during the login", e);
	if (rc == SSH_AUTH_PARTIAL)
		return err_set(e, ERR_RUNTIME, "%s: %s@%s wants more than a key", r->o.object, r->user, r->host);
	err_set(e, ERR_RUNTIME, "%s: %s@%s does not let us in; tried: %s%s", r->o.object, r->user, r->host,
		r->o.identity ? "the key " : agent && *agent ? "the agent, the keys of ssh_config and ~/.ssh" :
							       "the keys of ssh_config and ~/.ssh (there is no agent)",
		r->o.identity ? r->o.identity : "");
	return err_hint(e, "the public key belongs into authorized_keys there; a key with a passphrase into the agent here");
}

static int log_in(struct remote *r, struct err *e)
{
	const int64_t until = deadline(r);
	ssh_key key = NULL;
	int rc;

	if (r->o.identity && load_identity(r, &key, e))
		return -1;
	do
		rc = key ? ssh_userauth_publickey(r->session, NULL, key) :
			   ssh_userauth_publickey_auto(r->session, NULL, NULL);
	while (rc == SSH_AUTH_AGAIN && wait_more(r, until, "the login", e) == 0);
	ssh_key_free(key);
	if (e->kind)
		return -1;
	return rc == SSH_AUTH_SUCCESS ? 0 : denied(r, rc, e);
}

/* The command */

static void on_status(UNUSED ssh_session session, UNUSED ssh_channel channel, int status, void *ctx)
{
	((struct remote *)ctx)->end.status = status;
}

static void on_signal(UNUSED ssh_session session, UNUSED ssh_channel channel, const char *sig, UNUSED int core,
		      UNUSED const char *text, UNUSED const char *lang, void *ctx)
{
	struct remote *r = ctx;

	snprintf(r->end.sig, sizeof(r->end.sig), "%s", sig && *sig ? sig : "?");
	plain_text(r->end.sig);
}

static int start_command(struct remote *r, struct err *e)
{
	const int64_t until = deadline(r);
	int rc;

	r->channel = ssh_channel_new(r->session);
	r->event = ssh_event_new();
	if (!r->channel || !r->event)
		return broken(r, "cannot start the command", e);
	ssh_callbacks_init(&r->channel_cb);
	r->channel_cb.userdata = r;
	r->channel_cb.channel_exit_status_function = on_status;
	r->channel_cb.channel_exit_signal_function = on_signal;
	ssh_add_channel_callbacks(r->channel, &r->channel_cb);
	while ((rc = ssh_channel_open_session(r->channel)) == SSH_AGAIN)
		if (wait_more(r, until, "opening a channel", e))
			return -1;
	if (rc != SSH_OK)
		return broken(r, "cannot open a channel", e);
	while ((rc = ssh_channel_request_exec(r->channel, r->o.command)) == SSH_AGAIN)
		if (wait_more(r, until, "starting the command", e))
			return -1;
	if (rc == SSH_OK)
		rc = ssh_event_add_session(r->event, r->session);
	return rc == SSH_OK ? 0 : broken(r, "cannot start the command", e);
}

int remote_open(struct remote **r, const struct remote_opts *o, struct err *e)
{
	struct remote *n = calloc(1, sizeof(*n));

	*r = n;
	if (!n)
		return err_sys(e, "%s: cannot connect", o->object);
	n->o = *o;
	n->end.status = -1;
	n->session = ssh_new();
	if (!n->session)
		return err_set(e, ERR_RUNTIME, "%s: no memory for a session", o->object);
	ssh_callbacks_init(&n->session_cb);
	n->session_cb.auth_function = no_passphrase;
	ssh_set_callbacks(n->session, &n->session_cb);
	ssh_set_counters(n->session, &n->counter, NULL);
	return set_options(n, e) || connect_host(n, e) || identify(n, e) || log_in(n, e) || start_command(n, e) ? -1 : 0;
}

/* Reading */

/*
 * Keepalives ask for an answer. The first call only takes note of the answer to the one before, if there was one; the
 * second sends, or does nothing while the one before is not answered.
 */
static void ask(struct remote *r, int64_t now)
{
	ssh_send_keepalive(r->session);
	ssh_send_keepalive(r->session);
	r->asked_us = now;
}

static int check_alive(struct remote *r, struct err *e)
{
	const int64_t now = clock_us();
	const int64_t limit = (int64_t)r->o.timeout_s * 1000000;

	if (stop_check_or(r->o.cut, e))
		return -1;
	if (r->counter.in_bytes != r->heard) {
		r->heard = r->counter.in_bytes;
		r->quiet_us = now;
	}
	if (now - r->quiet_us >= limit)
		return err_set(e, ERR_RUNTIME, "%s: has not answered for %u s", r->o.object, r->o.timeout_s);
	if (now - r->quiet_us >= limit / 4 && now - r->asked_us >= limit / 4)
		ask(r, now);
	return 0;
}

static bool has_ended(const struct remote *r)
{
	return r->end.status >= 0 || r->end.sig[0];
}

/* Both streams have ended. How the command did may come behind them. */
static int await_end(struct remote *r, struct remote_end *end, struct err *e)
{
	while (!has_ended(r) && !ssh_channel_is_closed(r->channel)) {
		if (check_alive(r, e))
			return -1;
		if (ssh_event_dopoll(r->event, LOOK_MS) == SSH_ERROR)
			break;
	}
	if (!has_ended(r) && !ssh_is_connected(r->session))
		return broken(r, "the connection broke", e);
	*end = r->end;
	return 0;
}

/* Bytes of standard output, or what ssh_channel_read_timeout gives for none. */
static int take_out(struct remote *r, uint8_t *buf, uint32_t len)
{
	const bool grants = r->taken >= GRANT_LEN || r->taken == 0;
	const uint32_t batch = (uint32_t)num_min(len, BATCH_LEN);
	int got = ssh_channel_read_timeout(r->channel, buf, grants ? len : batch, 0, LOOK_MS);
	uint64_t before;
	int n = got;

	if (got <= 0)
		return got;
	if (grants)
		r->taken = 0;
	while (n >= 0 && (uint32_t)got < batch) {
		before = r->counter.in_bytes;
		n = ssh_channel_read_timeout(r->channel, buf + got, batch - (uint32_t)got, 0, 0);
		if (n > 0)
			got += n;
		else if (r->counter.in_bytes == before)
			break;
	}
	r->taken += (size_t)got;
	return got;
}

int remote_read(struct remote *r, void *buf, size_t len, size_t *got, enum remote_what *what, struct remote_end *end,
		struct err *e)
{
	const uint32_t most = (uint32_t)num_min(len, REMOTE_READ_LEN);
	int n;

	*got = 0;
	/* Only the time that is spent waiting here counts as silence. */
	r->quiet_us = r->asked_us = clock_us();
	r->heard = r->counter.in_bytes;
	do {
		*what = REMOTE_ERR;
		n = ssh_channel_poll(r->channel, 1);
		if (n > 0)
			n = ssh_channel_read_timeout(r->channel, buf, (uint32_t)num_min(most, ERR_READ_LEN), 1, 0);
		if (n == 0 || n == SSH_EOF) {
			*what = REMOTE_OUT;
			n = take_out(r, buf, most);
		}
		if (n > 0) {
			*got = (size_t)n;
			return 0;
		}
		if (n == SSH_ERROR)
			return broken(r, "the connection broke", e);
		if (check_alive(r, e))
			return -1;
	} while (!ssh_channel_is_eof(r->channel));
	*what = REMOTE_OVER;
	return await_end(r, end, e);
}

void remote_serve(struct remote *r)
{
	uint64_t before;

	/* Each call takes 4 KiB. What is asked stands behind all that is on its way; one who sends more is not heard. */
	do
		before = r->counter.in_bytes;
	while (before - r->heard < 2 * REMOTE_READ_LEN && ssh_event_dopoll(r->event, 0) != SSH_ERROR &&
	       r->counter.in_bytes != before);
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	if (r->session)
		ssh_disconnect(r->session);
	ssh_event_free(r->event);
	/* Frees the channel too. */
	ssh_free(r->session);
	dial_hang_up(r->dial);
	ssh_string_free_char(r->host);
	ssh_string_free_char(r->user);
	free(r);
}
