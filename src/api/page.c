/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MaxResults and NextToken. A token is opaque to clients: the place where the next page starts,
 * bound to account, region and action; it stays valid for a repeat. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "request.h"

#define TOKEN_SUM 12 /* bytes of the sum that are kept */

static int token_for(const struct api_call *c, uint64_t from, char **ret, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    uint8_t sum[EVP_MAX_MD_SIZE];
    char raw[64], hex[2 * TOKEN_SUM + 1];

    text = xasprintf("kiln-page %s %s %s %llu", c->account, c->region, c->action->name,
                     (unsigned long long)from);
    if (EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL) != 1)
        return err_set(e, EIO, ERR_OTHER, "take the SHA-256 of a page token");
    hex_encode(sum, TOKEN_SUM, hex);
    (void)snprintf(raw, sizeof(raw), "%llu.%s", (unsigned long long)from, hex);
    *ret = base64_encode(raw, strlen(raw));
    return *ret ? 0 : err_oom(e);
}

static int read_token(struct api_call *c, const char *token, uint64_t *ret_from, struct err *e)
{
    _cleanup_free_ char *expected = NULL;
    _cleanup_free_ void *raw = NULL;
    uint64_t from;
    size_t len;
    char *dot;
    int r;

    if (base64_decode(token, &raw, &len) == 0 && (dot = memchr(raw, '.', len))) {
        *dot = '\0';
        if (parse_u64(raw, 1, UINT32_MAX, &from) == 0) {
            r = token_for(c, from, &expected, e);
            if (r < 0)
                return r;
            if (str_eq(expected, token)) {
                *ret_from = from;
                return 0;
            }
        }
    }
    return api_fail(c, e, "InvalidNextToken",
                    "The NextToken is not one that %s has given out in region %s", c->action->name,
                    c->region);
}

/* The parameter's own name in EC2's sentence: InstanceId.N is the instancesSet. */
static const char *set_name(const struct api_action *a)
{
    static const struct {
        const char *list, *set;
    } names[] = {
        { "InstanceId.N", "instancesSet" },
        { "SnapshotId.N", "snapshotSet" },
        { "VolumeId.N", "volumeSet" },
        { "ImageId.N", "imagesSet" },
        { "InstanceType.N", "instanceTypeSet" },
        { "VpcId.N", "vpcSet" },
        { "SubnetId.N", "subnetSet" },
        { "GroupId.N", "securityGroupIdSet" },
        { "NetworkInterfaceId.N", "networkInterfaceIdSet" },
        { "SecurityGroupRuleId.N", "securityGroupRuleIdSet" },
    };

    for (const struct api_param *p = a->params; p && p->name; p++)
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (str_eq(names[i].list, p->name))
                return names[i].set;
    return "ids";
}

int api_page(struct api_call *c, size_t n, size_t n_ids, size_t *ret_from, size_t *ret_to,
             struct err *e)
{
    const char *token = api_text(c, "NextToken");
    uint64_t max = api_int(c, "MaxResults", UINT64_MAX), from = 0;
    uint32_t low = c->action->max_results_min, high = c->action->max_results_max;
    int r;

    if (n_ids > 0 && api_has(c, "MaxResults"))
        return api_fail(c, e, "InvalidParameterCombination",
                        "The parameter %s cannot be used with the parameter maxResults",
                        set_name(c->action));
    if (api_has(c, "MaxResults") && (max < low || max > high))
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%llu) for parameter maxResults is invalid. Expecting a value from "
                        "%u to %u.",
                        (unsigned long long)max, low, high);
    if (token) {
        r = read_token(c, token, &from, e);
        if (r < 0)
            return r;
    }
    if (from > n)
        from = n; /* records went away since */
    *ret_from = (size_t)from;
    *ret_to = (size_t)(max < n - from ? from + max : n);
    return 0;
}

void api_page_end(struct api_call *c, size_t n, size_t to)
{
    _cleanup_free_ char *token = NULL;
    struct err e = { 0 };

    if (to < n && token_for(c, to, &token, &e) == 0)
        xml_text(c->out, "nextToken", token);
}
