/* SPDX-License-Identifier: MIT */
/* cmd_imap_admin.c -- imapsync imap: access rights (RFC 4314), quota (RFC 9208), annotations (RFC 5464). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "cmd/exit.h"
#include "core/base/text.h"

#define FIRST_COLUMN  24
#define RESOURCES_MAX 16
#define VALUE_MAX     65536 /* octets of an annotation: imap4_options.max_literal */

static void add_folder(struct imap_call *k)
{
	if (k->c->json)
		json_add_text(&k->json, "folder", slice_str(k->arg[0]));
}

/* Show each response of a command, as members of the array `key` with --json. */
static int show(
	struct imap_call *k, imap4_cmd *cmd, const char *key, imap_each_fn *each, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	if (k->c->json)
		json_begin(&k->json, key, '[');
	if (imap_run(k, cmd, imap_shown(shown, k->arg[0]), each, k, e) != 0)
		return -1;
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

/* ---- access rights --------------------------------------------------------------------------------------- */

static int take_acl(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	char shown[TEXT_SHOW_SIZE];
	imap4_acl acl;
	(void)e;
	for (size_t i = 0; imap4_data_acl(d, i, &acl); i++) {
		if (k->c->json) {
			json_begin(&k->json, NULL, '{');
			json_add_str(&k->json, "who", acl.identifier);
			json_add_str(&k->json, "rights", acl.rights);
			json_end(&k->json);
			continue;
		}
		print_cell(stdout, imap_slice(acl.identifier), FIRST_COLUMN, false);
		printf("  %s\n", text_show(shown, sizeof shown, imap_slice(acl.rights)));
	}
	return 0;
}

static int take_myrights(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	char shown[TEXT_SHOW_SIZE];
	imap4_str rights = imap4_data_rights(d, 0);
	(void)e;
	if (k->c->json)
		json_add_str(&k->json, NULL, rights);
	else
		puts(text_show(shown, sizeof shown, imap_slice(rights)));
	return 0;
}

/* What is always granted, then groups that are granted together or not at all (RFC 4314 section 3.7). */
static int take_listrights(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	char shown[TEXT_SHOW_SIZE];
	imap4_str rights;
	(void)e;
	for (size_t i = 0; (rights = imap4_data_rights(d, i)).ptr != NULL; i++) {
		if (k->c->json) {
			json_begin(&k->json, NULL, '{');
			json_add_str(&k->json, "rights", rights);
			json_add_bool(&k->json, "always", i == 0);
			json_end(&k->json);
			continue;
		}
		const char *lead = i == 0 ? "always  " : i == 1 ? "can be  " : " ";
		printf("%s%s%s", lead, text_show(shown, sizeof shown, imap_slice(rights)),
			i == 0 ? "\n" : "");
	}
	if (!k->c->json)
		putchar('\n');
	return 0;
}

int imap_acl_get(struct imap_call *k, struct err *e)
{
	struct buf wire;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	add_folder(k);
	if (rc == 0)
		rc = show(k, imap4_getacl_start(k->s, imap_str(&wire)), "acl", take_acl, e);
	buf_release(&wire);
	return rc;
}

int imap_acl_rights(struct imap_call *k, struct err *e)
{
	struct buf wire;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	add_folder(k);
	if (rc == 0)
		rc = show(k, imap4_listrights_start(k->s, imap_str(&wire), k->arg[1]), "rights",
			take_listrights, e);
	buf_release(&wire);
	return rc;
}

int imap_acl_myrights(struct imap_call *k, struct err *e)
{
	struct buf wire;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	add_folder(k);
	if (rc == 0)
		rc = show(
			k, imap4_myrights_start(k->s, imap_str(&wire)), "rights", take_myrights, e);
	buf_release(&wire);
	return rc;
}

/* rights NULL: delete. */
static int change_acl(struct imap_call *k, const char *who, const char *rights, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	if (k->c->dry_run)
		return imap_must_exist(k, k->arg[0], e);
	int rc = imap_wire(k, k->arg[0], &wire, e);
	if (rc == 0) {
		imap4_cmd *cmd = rights != NULL
			? imap4_setacl_start(k->s, imap_str(&wire), who, rights)
			: imap4_deleteacl_start(k->s, imap_str(&wire), who);
		rc = imap_run(k, cmd, imap_shown(shown, k->arg[0]), NULL, NULL, e);
	}
	buf_release(&wire);
	return rc;
}

int imap_acl_set(struct imap_call *k, struct err *e)
{
	char folder[TEXT_SHOW_SIZE], who[TEXT_SHOW_SIZE], rights[TEXT_SHOW_SIZE];
	add_folder(k);
	if (k->c->json) {
		json_add_text(&k->json, "who", slice_str(k->arg[1]));
		json_add_text(&k->json, "rights", slice_str(k->arg[2]));
	}
	if (change_acl(k, k->arg[1], k->arg[2], e) != 0)
		return -1;
	imap_say(k, "set", "would set", "the rights of %s on %s: %s", imap_shown(who, k->arg[1]),
		imap_shown(folder, k->arg[0]), imap_shown(rights, k->arg[2]));
	return 0;
}

int imap_acl_delete(struct imap_call *k, struct err *e)
{
	char folder[TEXT_SHOW_SIZE], who[TEXT_SHOW_SIZE];
	add_folder(k);
	if (k->c->json)
		json_add_text(&k->json, "who", slice_str(k->arg[1]));
	if (change_acl(k, k->arg[1], NULL, e) != 0)
		return -1;
	imap_say(k, "removed", "would remove", "the rights of %s on %s", imap_shown(who, k->arg[1]),
		imap_shown(folder, k->arg[0]));
	return 0;
}

/* ---- quota ----------------------------------------------------------------------------------------------- */

static void print_quota(imap4_str root, const imap4_quota *q)
{
	char shown[TEXT_SHOW_SIZE];
	/* RFC 9208 section 5.1: STORAGE counts units of 1024 octets. */
	bool storage = slice_ieq_str(imap_slice(q->resource), "STORAGE");
	const char *unit = storage ? " KiB" : "";
	print_cell(stdout, imap_slice(root), FIRST_COLUMN, false);
	printf("  %-10s %" PRIu64 " of %" PRIu64 "%s\n",
		text_show(shown, sizeof shown, imap_slice(q->resource)), q->usage, q->limit, unit);
}

static void add_quota(struct json *j, imap4_str root, const imap4_quota *q)
{
	json_begin(j, NULL, '{');
	json_add_str(j, "root", root);
	json_add_str(j, "resource", q->resource);
	json_add_u64(j, "usage", q->usage);
	json_add_u64(j, "limit", q->limit);
	json_end(j);
}

static void show_unlimited(struct imap_call *k, imap4_str root)
{
	if (k->c->json) {
		json_begin(&k->json, NULL, '{');
		json_add_str(&k->json, "root", root);
		json_end(&k->json);
		return;
	}
	print_cell(stdout, imap_slice(root), FIRST_COLUMN, false);
	puts("  no limit");
}

/* QUOTA; of QUOTAROOT the roots are named by the QUOTA responses that follow. */
static int take_quota(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	imap4_str root = {NULL, 0};
	imap4_quota q;
	size_t i = 0;
	(void)e;
	for (; imap4_data_quota(d, i, &root, &q); i++)
		if (k->c->json)
			add_quota(&k->json, root, &q);
		else
			print_quota(root, &q);
	if (i == 0 && root.ptr != NULL)
		show_unlimited(k, root);
	return 0;
}

int imap_quota_get(struct imap_call *k, struct err *e)
{
	return show(k, imap4_getquota_start(k->s, k->arg[0]), "quota", take_quota, e);
}

int imap_quota_root(struct imap_call *k, struct err *e)
{
	struct buf wire;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	add_folder(k);
	if (rc == 0)
		rc = show(
			k, imap4_getquotaroot_start(k->s, imap_str(&wire)), "quota", take_quota, e);
	buf_release(&wire);
	return rc;
}

/* "STORAGE=1000" */
static int parse_limit(const char *word, imap4_quota *q, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const char *equals = strchr(word, '=');
	if (equals == NULL || equals == word ||
		!slice_u64(slice_str(equals + 1), INT64_MAX, &q->limit))
		return err_set(e, ERR_USAGE, E_USAGE,
			"\"%s\" is not RESOURCE=LIMIT such as STORAGE=100000 (KiB)",
			imap_shown(shown, word));
	q->resource = (imap4_str){word, (size_t)(equals - word)};
	return 0;
}

/* A root that the server does not know is refused when it is set; looking at it needs no changes. */
int imap_quota_set(struct imap_call *k, struct err *e)
{
	char root[TEXT_SHOW_SIZE], word[TEXT_SHOW_SIZE];
	imap4_quota limits[RESOURCES_MAX] = {{.limit = 0}};
	struct buf text = BUF_INIT(900);
	size_t n = k->n - 1;
	if (n > RESOURCES_MAX)
		return err_set(e, ERR_USAGE, E_USAGE, "more than %d limits", RESOURCES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (parse_limit(k->arg[1 + i], &limits[i], e) != 0)
			return -1;
		buf_addf(&text, " %s", imap_shown(word, k->arg[1 + i]));
	}
	int rc = 0;
	if (!k->c->dry_run)
		rc = imap_run(k, imap4_setquota_start(k->s, k->arg[0], limits, n),
			imap_shown(root, k->arg[0]), NULL, NULL, e);
	if (rc == 0)
		imap_say(k, "set", "would set", "the limits of the quota root \"%s\":%s",
			imap_shown(root, k->arg[0]), n > 0 ? buf_str(&text) : " none");
	buf_release(&text);
	return rc;
}

/* ---- annotations ----------------------------------------------------------------------------------------- */

/* An empty name is the server itself (RFC 5464 section 4.2). */
static int annotated(struct imap_call *k, struct buf *wire, struct err *e)
{
	add_folder(k);
	if (k->arg[0][0] != '\0')
		return imap_wire(k, k->arg[0], wire, e);
	buf_init(wire, 1);
	return 0;
}

static int take_metadata(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	char shown[TEXT_SHOW_SIZE];
	imap4_walk at = {NULL, NULL, 0};
	(void)e;
	for (imap4_metadata m; imap4_data_metadata(d, &at, &m);) {
		if (k->c->json) {
			json_begin(&k->json, NULL, '{');
			json_add_str(&k->json, "entry", m.entry);
			json_add_str(&k->json, "value", m.value);
			json_end(&k->json);
			continue;
		}
		print_cell(stdout, imap_slice(m.entry), FIRST_COLUMN, false);
		if (m.value.ptr != NULL)
			printf("  %s\n", text_show(shown, sizeof shown, imap_slice(m.value)));
		else
			puts("  (none)");
	}
	return 0;
}

/* A value that the library could not hold would end the session: the server is asked to leave such values out. */
static int ask_metadata(
	struct imap_call *k, const struct buf *wire, int options_last, struct err *e)
{
	char shown[TEXT_SHOW_SIZE], line[TEXT_SHOW_SIZE + 128];
	uint64_t octets;
	const imap4_getmetadata_opts o = {
		.struct_size = sizeof o, .maxsize = VALUE_MAX, .options_last = options_last};
	imap4_cmd *cmd = imap4_getmetadata_start(
		k->s, imap_str(wire), (const char *const *)(k->arg + 1), k->n - 1, &o);
	int rc = imap_finish(k, cmd, imap_shown(shown, k->arg[0]), take_metadata, k, e);
	if (rc == 0 &&
		imap4_result_metadata(imap4_cmd_result(cmd), &octets) ==
			IMAP4_METADATA_LONGENTRIES) {
		snprintf(line, sizeof line,
			"%s: a value of %" PRIu64 " octets was left out; %d can be shown",
			imap_shown(shown, k->arg[0]), octets, VALUE_MAX);
		output_note(&k->c->out, SYNC_NOTE_PROBLEM, line);
		k->status = exit_worse(k->status, EXIT_PARTIAL);
	}
	imap4_cmd_free(cmd);
	return rc;
}

int imap_metadata_get(struct imap_call *k, struct err *e)
{
	struct buf wire;
	int rc = annotated(k, &wire, e);
	if (rc == 0 && k->c->json)
		json_begin(&k->json, "metadata", '[');
	if (rc == 0) {
		rc = ask_metadata(k, &wire, 0, e);
		/* RFC 5464 has the options in front in its grammar, and behind in its examples. */
		if (rc != 0 && e->code == E_BAD) {
			err_clear(e);
			rc = ask_metadata(k, &wire, 1, e);
		}
	}
	if (rc == 0 && k->c->json)
		json_end(&k->json);
	buf_release(&wire);
	return rc;
}

static int set_metadata(struct imap_call *k, const struct buf *wire, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const char *value = k->n > 2 ? k->arg[2] : NULL;
	const imap4_metadata m = {.entry = {k->arg[1], strlen(k->arg[1])},
		.value = {value, value != NULL ? strlen(value) : 0}};
	return imap_run(k, imap4_setmetadata_start(k->s, imap_str(wire), &m, 1),
		imap_shown(shown, k->arg[0]), NULL, NULL, e);
}

int imap_metadata_set(struct imap_call *k, struct err *e)
{
	char folder[TEXT_SHOW_SIZE], entry[TEXT_SHOW_SIZE];
	struct buf wire;
	bool server = k->arg[0][0] == '\0';
	int rc = annotated(k, &wire, e);
	if (rc == 0 && !k->c->dry_run)
		rc = set_metadata(k, &wire, e);
	else if (rc == 0 && !server)
		rc = imap_must_exist(k, k->arg[0], e);
	buf_release(&wire);
	if (rc != 0)
		return -1;
	if (k->c->json) {
		json_add_text(&k->json, "entry", slice_str(k->arg[1]));
		json_add_bool(&k->json, "removed", k->n == 2);
	}
	imap_say(k, k->n > 2 ? "set" : "removed", k->n > 2 ? "would set" : "would remove",
		"%s of %s", imap_shown(entry, k->arg[1]),
		server ? "the server" : imap_shown(folder, k->arg[0]));
	return 0;
}
