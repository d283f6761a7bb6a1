/* SPDX-License-Identifier: MIT */
/*
 * sasl_internal.h -- the mechanisms that sasl.c puts into its table, one file each.
 */
#ifndef CORE_IMAP_SASL_INTERNAL_H
#define CORE_IMAP_SASL_INTERNAL_H

#include "core/imap/sasl.h"

extern const struct sasl_mechanism sasl_plain; /* RFC 4616 */

#endif
