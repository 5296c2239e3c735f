/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api-priv.h"

/* What is nobody's mistake but ours or the machine's is the same for every resource. */
#define OURS                                                                                       \
    [ERR_OTHER] = "InternalError", [ERR_IO] = "InternalError", [ERR_CORRUPT] = "InternalError",    \
    [ERR_TIMEOUT] = "InternalError"

static const struct {
    const char *resource;
    const char *code[ERR_KIND_MAX];
} rows[] = {
    { "address",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "InvalidAllocationID.NotFound", [ERR_CONFLICT] = "InvalidIPAddress.InUse",
        [ERR_EXISTS] = "Resource.AlreadyAssociated", [ERR_LIMIT] = "AddressLimitExceeded",
        [ERR_DENIED] = "UnsupportedOperation" } },
    { "attachment",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "InvalidAttachment.NotFound", [ERR_CONFLICT] = "VolumeInUse",
        [ERR_EXISTS] = "InvalidParameterValue", [ERR_LIMIT] = "AttachmentLimitExceeded",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "caller",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "AuthFailure",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "RequestLimitExceeded", [ERR_DENIED] = "UnauthorizedOperation" } },
    { "image",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidAMIID.NotFound",
        [ERR_CONFLICT] = "InvalidAMIID.Unavailable", [ERR_EXISTS] = "InvalidAMIName.Duplicate",
        [ERR_LIMIT] = "ResourceLimitExceeded", [ERR_DENIED] = "AuthFailure" } },
    { "import",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidConversionTaskId",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "ResourceCountLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "instance",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "InvalidInstanceID.NotFound", [ERR_CONFLICT] = "IncorrectInstanceState",
        [ERR_EXISTS] = "InvalidParameterValue", [ERR_LIMIT] = "InstanceLimitExceeded",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "instance-type",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidInstanceType",
        [ERR_CONFLICT] = "Unsupported", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "InsufficientInstanceCapacity", [ERR_DENIED] = "Unsupported" } },
    { "key-pair",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidKeyPair.NotFound",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidKeyPair.Duplicate",
        [ERR_LIMIT] = "KeyPairLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "mapping",
      { OURS, [ERR_INVALID] = "InvalidBlockDeviceMapping",
        [ERR_NOT_FOUND] = "InvalidSnapshot.NotFound", [ERR_CONFLICT] = "InvalidBlockDeviceMapping",
        [ERR_EXISTS] = "InvalidBlockDeviceMapping", [ERR_LIMIT] = "InvalidBlockDeviceMapping",
        [ERR_DENIED] = "InvalidBlockDeviceMapping" } },
    { "network-interface",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "InvalidNetworkInterfaceID.NotFound",
        [ERR_CONFLICT] = "InvalidNetworkInterface.InUse", [ERR_EXISTS] = "InvalidIPAddress.InUse",
        [ERR_LIMIT] = "InsufficientFreeAddressesInSubnet",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "region",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidParameterValue",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "ResourceLimitExceeded", [ERR_DENIED] = "OptInRequired" } },
    { "security-group",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidGroup.NotFound",
        [ERR_CONFLICT] = "DependencyViolation", [ERR_EXISTS] = "InvalidGroup.Duplicate",
        [ERR_LIMIT] = "SecurityGroupLimitExceeded", [ERR_DENIED] = "CannotDelete" } },
    { "security-group-rule",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "InvalidPermission.NotFound", [ERR_CONFLICT] = "DependencyViolation",
        [ERR_EXISTS] = "InvalidPermission.Duplicate",
        [ERR_LIMIT] = "RulesPerSecurityGroupLimitExceeded",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "snapshot",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidSnapshot.NotFound",
        [ERR_CONFLICT] = "InvalidSnapshot.InUse", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "PendingSnapshotLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "subnet",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidSubnetID.NotFound",
        [ERR_CONFLICT] = "DependencyViolation", [ERR_EXISTS] = "InvalidSubnet.Conflict",
        [ERR_LIMIT] = "InsufficientFreeAddressesInSubnet",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "tag",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidID",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "TagLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "token",
      { OURS, [ERR_INVALID] = "InvalidParameterValue",
        [ERR_NOT_FOUND] = "IdempotentParameterMismatch",
        [ERR_CONFLICT] = "IdempotentParameterMismatch",
        [ERR_EXISTS] = "IdempotentParameterMismatch", [ERR_LIMIT] = "ResourceLimitExceeded",
        [ERR_DENIED] = "OperationNotPermitted" } },
    { "volume",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidVolume.NotFound",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "VolumeLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "vpc",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidVpcID.NotFound",
        [ERR_CONFLICT] = "DependencyViolation", [ERR_EXISTS] = "InvalidVpc.Range",
        [ERR_LIMIT] = "VpcLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
    { "zone",
      { OURS, [ERR_INVALID] = "InvalidParameterValue", [ERR_NOT_FOUND] = "InvalidParameterValue",
        [ERR_CONFLICT] = "IncorrectState", [ERR_EXISTS] = "InvalidParameterValue",
        [ERR_LIMIT] = "ResourceLimitExceeded", [ERR_DENIED] = "OperationNotPermitted" } },
};

const char *errors_resource_at(size_t i)
{
    return i < ARRAY_LEN(rows) ? rows[i].resource : NULL;
}

const char *api_error_code(const char *resource, enum err_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(rows[i].resource, resource))
            return kind < ERR_KIND_MAX ? rows[i].code[kind] : NULL;
    return NULL;
}

/* Every code that is not listed answers 400. SDKs try again on 5xx. */
static const struct {
    const char *code;
    unsigned status;
} statuses[] = {
    { "AuthFailure", 401 },
    { "DryRunOperation", 412 },
    { "InsufficientInstanceCapacity", 500 },
    { "InternalError", 500 },
    { "InternalFailure", 500 },
    { "InvalidClientTokenId", 403 },
    { "OptInRequired", 403 },
    { "RequestEntityTooLarge", 413 },
    { "RequestLimitExceeded", 503 },
    { "ServiceUnavailable", 503 },
    { "SignatureDoesNotMatch", 403 }, /* sts */
    { "Unavailable", 503 },
    { "UnauthorizedOperation", 403 },
};

unsigned errors_status(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (str_eq(statuses[i].code, code))
            return statuses[i].status;
    return strstr(code, "Capacity") ? 500 : 400;
}

int api_fail(struct api_call *c, struct err *e, const char *code, const char *fmt, ...)
{
    char msg[sizeof(e->msg)];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    c->wire_code = code;
    return err_set(e, EINVAL, ERR_INVALID, "%s", msg);
}

void api_about(struct api_call *c, const char *resource)
{
    c->resource = resource;
}
