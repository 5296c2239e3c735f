/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elastic addresses of a request and of an answer. */
#pragma once

#include "find.h"

/* The address that AllocationId or PublicIp means. */
int api_named_address(struct api_call *c, struct address_rec *ret, struct err *e);
/* The codes of the model's refusals that the errno tells apart. */
int api_address_refused(struct api_call *c, int r, struct err *e);
