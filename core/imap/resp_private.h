/* SPDX-License-Identifier: MIT */
/*
 * resp_private.h -- the inside of one response: shared by resp*.c (which fill it in), value.c (which builds
 * the tree of values) and data.c (which hands it out).
 *
 * One block of memory holds the struct, the first nodes, a copy of the raw text and the texts of the
 * values; a second one is needed only for many nodes, many flags, or numbers. All pointers point into the block,
 * so they stay good when the array of nodes grows.
 */
#ifndef CORE_IMAP_RESP_PRIVATE_H
#define CORE_IMAP_RESP_PRIVATE_H

#include "core/base/uidset.h"
#include "core/imap/resp.h"
#include "core/imap/token.h"

struct imap4_node {
	const char *text; /* ATOM, STRING; with a NUL behind */
	uint64_t size;	  /* ATOM, STRING: octets of text; BODY: octets that are not here */
	uint32_t next;	  /* distance to the next node of the same list, 0 = the last */
	uint8_t kind;	  /* imap4_node_type */
	bool has_child;	  /* LIST: the next node in the array is its first child */
	bool body_item;	  /* the name of a body item: its section stands behind the NUL of text */
};

/* Flags of a message or attributes of a mailbox that need no memory of their own. */
#define RESP_STRINGS_INLINE 6
/* Nodes that need none. */
#define RESP_NODES_INLINE 64

struct imap4_data {
	enum resp_type type;
	imap4_kind kind;
	bool damaged;
	uint32_t number;
	imap4_str name;
	struct slice tag, raw, continued;
	struct imap4_node *node; /* node[0] is the root, a list */
	size_t nnodes, node_cap;
	void *extra; /* array of strings or namespaces that did not fit, or NULL */
	imap4_str string[RESP_STRINGS_INLINE];
	union {
		imap4_state_line state;
		imap4_list list;
		imap4_status status;
		imap4_message message;
		struct {
			imap4_numbers view;
			struct uidset set;
			struct slice order; /* ESEARCH: the set as it was sent; in raw */
		} numbers;
		struct {
			const imap4_namespace *entry;
			size_t n;
		} ns;
	} u;
	struct imap4_node inline_node[];
};

/* Room for n strings that live as long as d; NULL when there is no memory. To be called once. */
imap4_str *resp_strings(struct imap4_data *d, size_t n);
imap4_str resp_str(const struct imap4_node *n); /* text of an ATOM or STRING, else absent */
struct slice resp_node_slice(const struct imap4_node *n);
/* A decimal number <= max, also quoted. */
bool resp_number(const struct imap4_node *n, uint64_t max, uint64_t *v);
/* The only element of a list "(x)", or the node itself when it is no list. NULL for "()". */
const struct imap4_node *resp_only(const struct imap4_node *n);
/* The texts of a list of flags or attributes; NIL and () are the empty list, a lone atom counts as a list of one.
 * False: no memory. */
bool resp_string_list(
	struct imap4_data *d, const struct imap4_node *list, const imap4_str **out, size_t *n);

struct values;

/* One function for each kind of response: reads the values and fills in d->u. What cannot be read marks the
 * response damaged; what makes it useless demotes it to IMAP4_DATA_OTHER. -1: E_NOMEM. */
int resp_read_list(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_status(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_fetch(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_search(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_esearch(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_vanished(struct imap4_data *d, struct values *v, struct err *e);
int resp_read_namespace(struct imap4_data *d, struct values *v, struct err *e);

/* Status lines: text begins at the condition, or at '[' when there is none. at: where to put copies; there is
 * room for all of text and a NUL behind each part. */
void resp_read_state(struct imap4_data *d, struct slice text, char *at);

#endif
