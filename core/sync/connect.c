/* SPDX-License-Identifier: MIT */
/* connect.c -- connecting, logging in, and saying who we are. */
#include "core/sync/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/sync/job.h"

#define SECRET_MAX 65536 /* a token of any service is far below */

/* ---- events ---------------------------------------------------------------------------------- */

static void on_alert(void *ctx, imap4_session *s, imap4_str text)
{
	const struct sync_account *a = ctx;
	char shown[TEXT_SHOW_SIZE];
	(void)s;
	hooks_note(a->alerts, SYNC_NOTE_ALERT, "the server says: %s",
		text_show(shown, sizeof shown, slice_of(text.ptr, text.len)));
}

static void on_data(void *ctx, imap4_session *s, const imap4_data *d)
{
	const struct sync_account *a = ctx;
	(void)s;
	a->data(a->data_ctx, d);
}

static void on_trace(void *ctx, const char *line, size_t n)
{
	const struct sync_account *a = ctx;
	a->trace(a->trace_ctx, line, n);
}

/* ---- errors ---------------------------------------------------------------------------------- */

int sync_err_last(struct err *e, enum err_scope scope, const imap4_session *s, const char *what)
{
	return sync_err(e, scope, imap4_last(s), what);
}

int sync_wait_taking(imap4_session *s, imap4_cmd *c, enum err_scope scope, const char *what,
	sync_take_fn *take, void *ctx, struct err *e)
{
	if (c == NULL)
		return sync_err_last(e, scope, s, what);
	for (;;) {
		imap4_err rc = imap4_cmd_done(c) ? IMAP4_OK : imap4_pump(s, -1);
		if (take != NULL && take(ctx, c, e) != 0)
			return -1;
		if (imap4_cmd_done(c))
			break;
		if (rc == IMAP4_E_CANCELLED)
			return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
		if (rc == IMAP4_E_STATE)
			return sync_err_last(e, scope, s, what);
	}
	const imap4_result *r = imap4_cmd_result(c);
	return r->err == IMAP4_OK ? 0 : sync_err(e, scope, r, what);
}

int sync_wait(imap4_session *s, imap4_cmd *c, enum err_scope scope, const char *what, struct err *e)
{
	return sync_wait_taking(s, c, scope, what, NULL, NULL, e);
}

static bool forbids(const struct sync_account *a, const char *capability)
{
	for (size_t i = 0; a->disable != NULL && a->disable[i] != NULL; i++)
		if (strcasecmp(a->disable[i], capability) == 0)
			return true;
	return false;
}

bool account_uses(const struct sync_account *a, const imap4_session *s, const char *capability)
{
	return !forbids(a, capability) && imap4_has(s, capability) != 0;
}

bool account_uses_rev2(const struct sync_account *a, const imap4_session *s, const char *extension)
{
	return !forbids(a, extension) &&
		(imap4_has(s, extension) != 0 || account_uses(a, s, "IMAP4rev2"));
}

bool account_has_ids(const struct sync_account *a, const imap4_session *s)
{
	return account_uses(a, s, "OBJECTID") || account_uses(a, s, "X-GM-EXT-1");
}

/* ---- compression ------------------------------------------------------------------------------------ */

static bool is_here(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
		strcmp(host, "::1") == 0;
}

bool sync_compresses(const struct sync_account *a, const imap4_session *s, int64_t round_trip_ms,
	const char **why)
{
	bool on = false;
	if (a->compress == SYNC_COMPRESS_NO)
		*why = "switched off";
	else if (imap4_has(s, "COMPRESS=DEFLATE") == 0)
		*why = "the server does not offer it";
	else if (forbids(a, "COMPRESS=DEFLATE") || forbids(a, "COMPRESS"))
		*why = "the extension is switched off";
	else if ((on = a->compress == SYNC_COMPRESS_YES))
		*why = "always";
	else if (a->tunnel != NULL)
		*why = "a tunnel may compress by itself";
	else if (a->host == NULL || is_here(a->host))
		*why = "the server is on this machine";
	else if ((on = round_trip_ms >= SYNC_FAR_MS))
		*why = "the server is far away";
	else
		*why = "the server is near";
	return on;
}

void dial_waited(struct dial *d, int64_t ms)
{
	if (ms < d->round_trip_ms)
		d->round_trip_ms = ms;
}

static int64_t now_ms(void)
{
	return clock_now(clock_monotonic());
}

static void heard(struct dial *d)
{
	dial_waited(d, now_ms() - d->asked_ms);
}

bool dial_compress(struct dial *d)
{
	const char *why;
	if (d->compress != NULL)
		return true;
	if (!sync_compresses(d->account, d->session, d->round_trip_ms, &why))
		return false;
	/* Nobody waits for the answer: after NO or BAD it goes on as it is. */
	d->compress = imap4_compress_start(d->session);
	return d->compress != NULL;
}

/* ---- dialling -------------------------------------------------------------------------------- */

/* Said here once, so that every way to fail names the server. */
static int name_server(const struct dial *d, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const struct sync_account *a = d->account;
	const char *to = a->tunnel != NULL ? a->tunnel[0] : a->host;
	return err_context(e, "%s", text_show(shown, sizeof shown, slice_str(to)));
}

static void watch(struct dial *d, imap4_session *s)
{
	if (d->hooks != NULL && d->hooks->interrupt != NULL)
		d->hooks->interrupt->wake[d->slot] = s;
}

int dial_start(struct dial *d, const struct sync_account *account, const struct sync_hooks *hooks,
	unsigned slot, struct err *e)
{
	char label[16];
	char *why = NULL;
	imap4_options o;
	imap4_events events;
	memset(&events, 0, sizeof events);
	memset(d, 0, sizeof *d);
	d->account = account;
	d->hooks = hooks;
	d->slot = slot;
	d->round_trip_ms = INT64_MAX;
	d->asked_ms = now_ms();
	snprintf(label, sizeof label, "%u", slot + 1);
	imap4_options_init(&o, sizeof o);
	o.host = account->host;
	o.port = account->port;
	o.security = account->security;
	o.argv = account->tunnel;
	o.ca_file = account->ca_file;
	o.client_cert = account->client_cert;
	o.client_key = account->client_key;
	o.pins = account->pins;
	o.npins = account->npins;
	o.pin_only = account->pin_only;
	o.allow_cleartext = account->allow_cleartext;
	o.policy = account->may_write ? IMAP4_POLICY_ANY : IMAP4_POLICY_BACKUP;
	o.window = account->window != 0 ? account->window : SYNC_WINDOW;
	o.idle_ms = (int)(account->idle_ms < INT32_MAX ? account->idle_ms : INT32_MAX);
	o.label = label;
	events.struct_size = sizeof events;
	/* The library hands this pointer back and never looks behind it. */
	events.ctx = (void *)(uintptr_t)account;
	events.alert = on_alert;
	events.data = account->data != NULL ? on_data : NULL;
	events.trace = account->trace != NULL ? on_trace : NULL;
	o.events = &events;
	imap4_err rc = imap4_open_start(&d->session, &o, &why);
	if (rc != IMAP4_OK) {
		const imap4_result r = {.err = rc, .message = why};
		sync_err(e, ERR_CONNECTION, &r, NULL);
		free(why);
		d->session = NULL;
		return name_server(d, e);
	}
	watch(d, d->session);
	return 0;
}

static int start_login(struct dial *d, struct err *e)
{
	const struct sync_account *a = d->account;
	struct buf secret = BUF_INIT(SECRET_MAX);
	if (a->secret != NULL && a->secret(a->secret_ctx, &secret, e) != 0) {
		secret_release(&secret);
		return err_widen(e, ERR_ACCOUNT);
	}
	const imap4_credentials c = {.struct_size = sizeof c,
		.mechanism = a->mechanism,
		.user = a->user,
		.password = buf_str(&secret),
		.authzid = a->authzid};
	d->login = imap4_login_start(d->session, &c);
	d->asked_ms = now_ms();
	secret_release(&secret);
	if (d->login != NULL)
		return 0;
	sync_err_login(e, imap4_last(d->session));
	return name_server(d, e);
}

/* Some providers refuse to open a mailbox before they know the program (163.com and others). */
static void start_id(struct dial *d)
{
	static const char *const who[] = {"name", "imapsync", "version", IMAPSYNC_VERSION};
	if (d->account->send_id && account_uses(d->account, d->session, "ID"))
		d->id = imap4_id_start(d->session, who, 2);
}

/* What comes behind the login, all in one flight. COMPRESS first: it waits until nothing is in flight (RFC 4978 section 3). */
static int logged_in(struct dial *d)
{
	/* With `auto` the job decides, when it knows that there is something to fetch. */
	if (d->account->compress == SYNC_COMPRESS_YES)
		(void)dial_compress(d);
	start_id(d);
	d->ready = true;
	return 1;
}

int dial_step(struct dial *d, struct err *e)
{
	switch (imap4_session_state(d->session)) {
	case IMAP4_CONNECTING: return 0;
	case IMAP4_DEAD:
	case IMAP4_LOGGED_OUT:
		sync_err_last(e, ERR_CONNECTION, d->session, NULL);
		return name_server(d, e);
	case IMAP4_NOT_AUTHENTICATED:
	case IMAP4_AUTHENTICATED:
	case IMAP4_SELECTED: break;
	}
	if (d->ready)
		return 1;
	if (!d->greeted)
		heard(d);
	d->greeted = true;
	if (d->login == NULL && imap4_preauth(d->session))
		return logged_in(d);
	if (d->login == NULL && start_login(d, e) != 0)
		return -1;
	if (!imap4_cmd_done(d->login))
		return 0;
	const imap4_result *r = imap4_cmd_result(d->login);
	if (r->err != IMAP4_OK) {
		sync_err_login(e, r);
		return name_server(d, e);
	}
	heard(d);
	imap4_cmd_free(d->login);
	d->login = NULL;
	return logged_in(d);
}

/* asked: the question for the login is enough. */
static int dial_on(struct dial *d, bool asked, struct err *e)
{
	int rc;
	while ((rc = dial_step(d, e)) == 0) {
		bool enough = asked && d->login != NULL;
		if (hooks_interrupted(d->hooks))
			return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
		/* A session that dies in here says why in the next step. */
		(void)imap4_pump(d->session, enough ? 0 : -1);
		if (enough)
			return 0;
	}
	return rc < 0 ? -1 : 0;
}

int dial_ask(struct dial *d, struct err *e)
{
	return dial_on(d, true, e);
}

int dial_wait(struct dial *d, struct err *e)
{
	return dial_on(d, false, e);
}

bool session_is_over(const imap4_session *s)
{
	imap4_state state = imap4_session_state(s);
	return state == IMAP4_DEAD || state == IMAP4_LOGGED_OUT;
}

void dial_close(struct dial *d)
{
	if (d->session == NULL)
		return;
	watch(d, NULL);
	imap4_close(d->session);
	d->session = NULL;
	d->login = d->id = d->compress = NULL;
}

void dial_hang_up(struct dial *d)
{
	imap4_session *s = d->session;
	if (s == NULL)
		return;
	watch(d, NULL);
	d->session = NULL;
	d->login = d->id = d->compress = NULL;
	if (d->account->tunnel != NULL) {
		/* A command of ours would complain when nobody reads what it says. */
		sync_disconnect(s);
		return;
	}
	/* The answer to LOGOUT says nothing that is needed, and costs a round trip. */
	if (!session_is_over(s) && imap4_logout_start(s) != NULL)
		(void)imap4_pump(s, 0);
	imap4_close(s);
}

/* ---- public ---------------------------------------------------------------------------------- */

int sync_connect(
	struct sync_account *a, const struct sync_hooks *h, imap4_session **out, struct err *e)
{
	struct dial d;
	*out = NULL;
	a->alerts = h;
	if (dial_start(&d, a, h, 0, e) != 0)
		return -1;
	if (dial_wait(&d, e) != 0) {
		dial_close(&d);
		return -1;
	}
	/* From here on nobody tells when the session is closed: a signal must not find it any
	 * more. */
	watch(&d, NULL);
	*out = d.session;
	return 0;
}

void sync_disconnect(imap4_session *s)
{
	if (s == NULL)
		return;
	imap4_cmd *c = !session_is_over(s) ? imap4_logout_start(s) : NULL;
	if (c != NULL)
		(void)imap4_cmd_wait(c, SYNC_LOGOUT_MS);
	imap4_close(s);
}
