/* SPDX-License-Identifier: MIT */
/* finding.c -- see finding.h. */
#include "cmd/finding.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/text.h"

const char *finding_account(const struct cli *c)
{
	return c->out.account != NULL ? c->out.account : "";
}

void finding_message(FILE *f, struct slice mailbox, struct slice path, uint32_t uid)
{
	char shown[TEXT_SHOW_SIZE];
	if (mailbox.n > 0)
		fprintf(f, "%s", text_show(shown, sizeof shown, mailbox));
	else if (path.n > 0)
		fprintf(f, "mail/%s", text_show(shown, sizeof shown, path));
	else
		fputs("the archive", f);
	if (uid != 0)
		fprintf(f, " UID %" PRIu32, uid);
}

/* mail/Work/2016/cur/NAME, as far as there is one */
static void print_file(const struct store_finding *x)
{
	char path[TEXT_SHOW_SIZE], file[TEXT_SHOW_SIZE];
	if (x->file.n == 0)
		return;
	text_show(path, sizeof path, x->path);
	printf("; mail/%s%s%s/%s", path, path[0] != '\0' ? "/" : "", x->in_new ? "new" : "cur",
		text_show(file, sizeof file, x->file));
}

void finding_line(const struct cli *c, const struct store_finding *f)
{
	printf("%s: %s: ", finding_account(c), store_fault_name(f->fault));
	finding_message(stdout, f->mailbox, f->path, f->uid);
	printf(": %s", f->detail);
	print_file(f);
}

void finding_json(const struct cli *c, const char *class, struct slice mailbox, uint32_t uid,
	const char *detail, bool damage, const char *mend)
{
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(finding_account(c)));
	fputs(", \"class\": ", stdout);
	json_text(stdout, slice_str(class));
	printf(", \"damage\": %s, \"folder\": ", damage ? "true" : "false");
	json_text(stdout, mailbox);
	printf(", \"uid\": %" PRIu32 ", \"detail\": ", uid);
	json_text(stdout, slice_str(detail));
	fputs(", \"mend\": ", stdout);
	json_text(stdout, slice_str(mend));
}

void finding_report(void *ctx, const struct store_finding *f)
{
	struct cli *c = ctx;
	bool damage = store_fault_is_damage(f->fault);
	char mend[TEXT_SHOW_SIZE + 32] = "";
	if (damage)
		snprintf(mend, sizeof mend, "imapsync repair %s", finding_account(c));
	output_clear_progress(&c->out);
	if (c->json) {
		finding_json(
			c, store_fault_name(f->fault), f->mailbox, f->uid, f->detail, damage, mend);
		fputs(", \"path\": ", stdout);
		json_text(stdout, f->path);
		fputs(", \"file\": ", stdout);
		json_text(stdout, f->file);
		puts("}");
		return;
	}
	if (!damage && c->out.level < OUTPUT_VERBOSE)
		return;
	finding_line(c, f);
	printf("%s%s\n", damage ? "; mend with: " : "", mend);
}
