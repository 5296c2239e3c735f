/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that hold across real clients, and the protocol around every action: who asks, what is
 * asked, dry runs, client tokens, pages. Rule numbers are those of the clients' reference. */
#include "test-ask.h"

#include "request.h"

struct sent {
    const char *method, *query, *body, *region, *service, *key, *secret;
    uint64_t now_s;
    struct sigv4_header more[4];
};

static char last[65536];      /* the answer as text */
static struct api_out answer; /* without its body */

static void send_as(struct world *w, const struct sent *s)
{
    struct sigv4_header headers[8] = { { "Host", "127.0.0.1:8773" } };
    char stamp[SIGV4_STAMP];
    _cleanup_free_ char *authorization = NULL;
    struct api_in in = { .http = { .method = s->method ? s->method : "POST",
                                   .path = "/",
                                   .query = s->query ? s->query : "",
                                   .headers = headers,
                                   .body = s->body ? s->body : "",
                                   .body_len = s->body ? strlen(s->body) : 0 } };
    size_t n = 1;

    for (size_t i = 0; i < 4 && s->more[i].name; i++)
        headers[n++] = s->more[i];
    in.http.n_headers = n;
    OK(sigv4_sign(&in.http, s->key ? s->key : w->key.id, s->secret ? s->secret : w->key.secret,
                  s->region ? s->region : "us-east-1", s->service ? s->service : "ec2",
                  s->now_s ? s->now_s : clock_real_ms() / 1000, stamp, &authorization, &e));
    headers[n++] = (struct sigv4_header){ "X-Amz-Date", stamp };
    headers[n++] = (struct sigv4_header){ "Authorization", authorization };
    in.http.n_headers = n;
    api_answer(&w->api, &in, &answer);
    (void)snprintf(last, sizeof(last), "%s", answer.body);
    api_out_done(&(struct api_out){ .body = answer.body });
    answer.body = NULL;
}

static void assert_has(const char *text)
{
    if (!strstr(last, text))
        fail_msg("'%s' is not in: %s", text, last);
}

#define SEND(w, ...) send_as(w, &(struct sent){ __VA_ARGS__ })

/* Rule 1: regions share the address, and nothing else. */
static void one_address_serves_every_region(void **state)
{
    struct world *w = *state;

    SEND(w, .body = "Action=CreateKeyPair&KeyName=k&KeyType=ed25519", .region = "eu-west-1");
    assert_int_equal(answer.status, 200);
    SEND(w, .body = "Action=DescribeKeyPairs", .region = "us-east-1");
    assert_has("<keySet></keySet>");
    SEND(w, .body = "Action=DescribeKeyPairs", .region = "eu-west-1");
    assert_has("<keyName>k</keyName>");
    SEND(w, .body = "Action=DescribeAvailabilityZones", .region = "ap-southeast-2");
    assert_has("<zoneName>ap-southeast-2c</zoneName><zoneId>apse2-az3</zoneId>");
    SEND(w, .body = "Action=DescribeRegions", .region = "moon-1");
    assert_int_equal(answer.status, 401);
    assert_has("<Code>AuthFailure</Code>");
    assert_has("not 'moon-1'");
}

static void the_service_is_known_from_the_scope(void **state)
{
    struct world *w = *state;

    SEND(w, .body = "Action=GetCallerIdentity&Version=2011-06-15", .service = "sts");
    assert_int_equal(answer.status, 200);
    assert_has("xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"");
    assert_has(model_account(MODEL(w)));
    SEND(w, .body = "Action=AssumeRole", .service = "sts");
    assert_has("<Code>InvalidAction</Code>");
    SEND(w, .body = "Action=GetCallerIdentity", .service = "sts", .secret = "wrong");
    assert_int_equal(answer.status, 403);
    assert_has("<Code>SignatureDoesNotMatch</Code>");
    SEND(w, .method = "GET", .service = "ebs");
    assert_int_equal(answer.status, 400);
    assert_string_equal(answer.content_type, "application/x-amz-json-1.1");
    assert_string_equal(answer.error_type, "ValidationException");
    assert_has("{\"Message\":\"");
    SEND(w, .method = "GET", .service = "ebs", .secret = "wrong");
    assert_int_equal(answer.status, 403);
    assert_string_equal(answer.error_type, "InvalidSignatureException");
    SEND(w, .body = "Action=DescribeRegions", .service = "s3");
    assert_has("<Code>AuthFailure</Code>");
}

/* Rule 2. */
static void get_and_post_are_the_same(void **state)
{
    struct world *w = *state;

    SEND(w, .method = "GET",
         .query = "Action=DescribeRegions&Version=2016-11-15&RegionName.1=us-west-2");
    assert_int_equal(answer.status, 200);
    assert_has("<regionName>us-west-2</regionName>");
    SEND(w, .body = "Action=DescribeRegions&RegionName.1=us-west-2",
         .more = { { "Content-Type", "application/x-www-form-urlencoded" } });
    assert_has("<regionName>us-west-2</regionName>");
    SEND(w, .body = "Action=DescribeRegions&RegionName.1=us-west-2",
         .more = { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" } });
    assert_has("<regionName>us-west-2</regionName>");
    SEND(w, .method = "PUT", .body = "Action=DescribeRegions");
    assert_has("<Code>InvalidRequest</Code>");
}

/* Rules 3, 4 and 17: the order of 12 tags sent as text sorts them, with index 0. */
static void lists_keep_the_order_of_their_indexes(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;

    ask(w, "Action=CreateKeyPair&KeyName=k&KeyType=ed25519");
    id = keep_at(w, "keyPairId");
    ask(w,
        "Action=CreateTags&ResourceId.0=%s&Tag.0.Key=zero&Tag.0.Value=0&Tag.10.Key=ten&"
        "Tag.10.Value=10&Tag.2.Key=two&Tag.2.Value=2",
        id);
    assert_at(w, "return", "true");
    ask(w, "Action=DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1=%s", id);
    assert_int_equal(count(w, "tagSet/item"), 3);
}

/* Rule 8: Libcloud finds nothing without the slash. */
static void the_namespace_ends_in_a_slash(void **state)
{
    struct world *w = *state;

    SEND(w, .body = "Action=DescribeRegions");
    assert_has("<DescribeRegionsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">"
               "<requestId>");
    assert_has(answer.request_id);
}

/* Rules 9 and 10. */
static void an_unknown_action_answers_xml_with_400(void **state)
{
    struct world *w = *state;

    SEND(w, .body = "Action=Make%3CCoffee%3E");
    assert_int_equal(answer.status, 400);
    assert_string_equal(answer.content_type, "text/xml;charset=UTF-8");
    assert_has("<Response><Errors><Error><Code>InvalidAction</Code><Message>The action "
               "Make&lt;Coffee&gt; is not valid for this web service.</Message></Error></Errors>"
               "<RequestID>");
    SEND(w, .body = "");
    assert_has("<Code>MissingAction</Code>");
    SEND(w, .body = "Action=DescribeRegions&Version=latest");
    assert_has("<Code>NoSuchVersion</Code>");
    SEND(w, .body = "Action=DescribeRegions&Version=2014-10-01");
    assert_int_equal(answer.status, 200);
}

static void who_may_not_is_told_why(void **state)
{
    struct world *w = *state;
    struct api_in in = { .http = { .method = "POST", .path = "/", .query = "", .body = "" } };

    SEND(w, .body = "Action=DescribeRegions", .secret = "wrong");
    assert_int_equal(answer.status, 401);
    assert_has("<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access "
               "credentials: the signature is not the one");
    SEND(w, .body = "Action=DescribeRegions", .key = "AKIANOBODY");
    assert_int_equal(answer.status, 401);
    assert_has("the access key 'AKIANOBODY' is not known here");
    SEND(w, .body = "Action=DescribeRegions", .now_s = clock_real_ms() / 1000 - 1200);
    assert_int_equal(answer.status, 400);
    assert_has("<Code>RequestExpired</Code>");
    assert_has("120");
    SEND(w, .body = "Action=DescribeRegions", .more = { { "X-Amz-Security-Token", "t" } });
    assert_int_equal(answer.status, 401);
    assert_has("AWS_SESSION_TOKEN");
    api_answer(&w->api, &in, &answer);
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "<Code>MissingParameter</Code>"));
    assert_non_null(strstr(answer.body, "AWSAccessKeyId"));
    api_out_done(&answer);
    in.too_large = true;
    api_answer(&w->api, &in, &answer);
    assert_int_equal(answer.status, 413);
    assert_non_null(strstr(answer.body, "<Code>RequestEntityTooLarge</Code>"));
    api_out_done(&answer);
}

/* Rule 18: header names in any case, blanks at the ends, repeated headers. */
static void headers_are_signed_as_each_client_does(void **state)
{
    struct world *w = *state;

    SEND(w, .body = "Action=DescribeRegions",
         .more = { { "User-Agent", "libcloud/3.4.1  (Amazon EC2) " },
                   { "amz-sdk-request", "attempt=1; max=3" },
                   { "Content-Length", "22" } });
    assert_int_equal(answer.status, 200);
}

static void a_dry_run_checks_and_changes_nothing(void **state)
{
    struct world *w = *state;

    refused(w, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.",
            "Action=CreateKeyPair&KeyName=k&KeyType=ed25519&DryRun=true");
    assert_int_equal(w->status, 412);
    ask(w, "Action=DescribeKeyPairs");
    assert_int_equal(count(w, "keySet/item"), 0);
    ask(w, "Action=CreateKeyPair&KeyName=k&KeyType=ed25519&DryRun=false");
    /* what validation finds wins */
    refused(w, "InvalidKeyPair.Duplicate", "The keypair 'k' already exists.",
            "Action=CreateKeyPair&KeyName=k&KeyType=ed25519&DryRun=true");
    refused(w, "DryRunOperation", "", "Action=DescribeRegions&DryRun=True");
}

/* Rule 15. */
static void a_client_token_makes_one_thing_once(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&ClientToken=t1");
    id = keep_at(w, "volumeId");
    ask(w,
        "Action=CreateVolume&ClientToken=t1&Size=1&AvailabilityZone=us-east-1a&Version=2016-11-15");
    assert_at(w, "volumeId", id);
    refused(w, "IdempotentParameterMismatch", "",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=2&ClientToken=t1");
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=2&ClientToken=t2");
    ask(w, "Action=DescribeVolumes");
    assert_int_equal(count(w, "volumeSet/item"), 2);
    refused(w, "DryRunOperation", "",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=2&ClientToken=t3&DryRun=true");
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=3&ClientToken=t3");
}

static void pages_end_and_their_tokens_are_checked(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *first = NULL, *token = NULL;
    size_t seen, pages = 1;

    ask(w, "Action=DescribeInstanceTypes&MaxResults=5");
    first = keep_at(w, "instanceTypeSet/item/instanceType");
    seen = (size_t)count(w, "instanceTypeSet/item");
    while (count(w, "nextToken") == 1) {
        free(token);
        token = keep_at(w, "nextToken");
        ask(w, "Action=DescribeInstanceTypes&MaxResults=7&NextToken=%s", token);
        assert_string_not_equal(at(w, "instanceTypeSet/item/instanceType"), first);
        seen += (size_t)count(w, "instanceTypeSet/item");
        assert_true(++pages < 50);
    }
    ask(w, "Action=DescribeInstanceTypes");
    assert_int_equal(count(w, "nextToken"), 0);
    assert_int_equal(count(w, "instanceTypeSet/item"), (int)seen);
    /* valid for a repeat, but not for another action or region, nor when changed */
    ask(w, "Action=DescribeInstanceTypes&NextToken=%s", token);
    refused(w, "InvalidNextToken", "", "Action=DescribeTags&NextToken=%s", token);
    refused(w, "InvalidNextToken", "", "Action=DescribeInstanceTypes&NextToken=MTAuMDA=");
    refused(w, "InvalidNextToken", "", "Action=DescribeInstanceTypes&NextToken=x");
    refused(w, "InvalidParameterValue", "Expecting a value from 5 to 100",
            "Action=DescribeInstanceTypes&MaxResults=4");
    refused(w, "InvalidParameterCombination",
            "The parameter instanceTypeSet cannot be used with the parameter maxResults",
            "Action=DescribeInstanceTypes&MaxResults=5&InstanceType.1=t3.nano");
}

static void instance_types_say_what_they_can(void **state)
{
    struct world *w = *state;

    ask(w, "Action=DescribeInstanceTypes&InstanceType.1=m5d.2xlarge");
    assert_at(w, "instanceTypeSet/item/vCpuInfo/defaultVCpus", "8");
    assert_at(w, "instanceTypeSet/item/memoryInfo/sizeInMiB", "32768");
    assert_at(w, "instanceTypeSet/item/instanceStorageInfo/totalSizeInGB", "300");
    assert_at(w, "instanceTypeSet/item/instanceStorageInfo/nvmeSupport", "required");
    assert_at(w, "instanceTypeSet/item/ebsInfo/encryptionSupport", "supported");
    assert_at(w, "instanceTypeSet/item/hypervisor", "nitro");
    assert_at(w, "instanceTypeSet/item/processorInfo/supportedArchitectures/item", "x86_64");
    assert_at(w, "instanceTypeSet/item/networkInfo/enaSupport", "required");
    assert_int_equal(count(w, "instanceTypeSet/item/supportedBootModes/item"), 2);
    ask(w, "Action=DescribeInstanceTypes&Filter.1.Name=ebs-info.encryption-support&"
           "Filter.1.Value.1=unsupported&Filter.2.Name=instance-type&Filter.2.Value.1=m1.*");
    assert_int_equal(count(w, "instanceTypeSet/item"), 4);
    refused(w, "InvalidInstanceType",
            "The following supplied instance types do not exist: [m9.x, t0.y]",
            "Action=DescribeInstanceTypes&InstanceType.1=m9.x&InstanceType.2=t3.nano&"
            "InstanceType.3=t0.y");
}

static void tags_are_set_changed_found_and_removed(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;

    ask(w,
        "Action=CreateKeyPair&KeyName=k&KeyType=ed25519&TagSpecification.1.ResourceType=key-pair&"
        "TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=1");
    id = keep_at(w, "keyPairId");
    assert_at(w, "tagSet/item/value", "1");
    ask(w, "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=a&Tag.1.Value=2&Tag.2.Key=b", id);
    ask(w, "Action=DescribeTags&Filter.1.Name=resource-type&Filter.1.Value.1=key-pair");
    assert_int_equal(count(w, "tagSet/item"), 2);
    assert_at(w, "tagSet/item[1]/value", "2");
    assert_at(w, "tagSet/item[2]/value", "");
    ask(w, "Action=DescribeKeyPairs&Filter.1.Name=tag:a&Filter.1.Value.1=2");
    assert_int_equal(count(w, "keySet/item"), 1);
    /* another value stays, an empty one removes only an empty one, an absent one removes any */
    ask(w, "Action=DeleteTags&ResourceId.1=%s&Tag.1.Key=a&Tag.1.Value=1", id);
    ask(w, "Action=DeleteTags&ResourceId.1=%s&Tag.1.Key=a&Tag.1.Value=", id);
    ask(w, "Action=DescribeTags&Filter.1.Name=key&Filter.1.Value.1=a");
    assert_int_equal(count(w, "tagSet/item"), 1);
    ask(w, "Action=DeleteTags&ResourceId.1=%s&Tag.1.Key=a&Tag.2.Key=b&Tag.2.Value=", id);
    ask(w, "Action=DescribeTags");
    assert_int_equal(count(w, "tagSet/item"), 0);
}

static void bad_tags_change_nothing(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;
    _cleanup_str_ struct str many = STR_INIT(8000);

    ask(w, "Action=CreateKeyPair&KeyName=k&KeyType=ed25519");
    id = keep_at(w, "keyPairId");
    refused(w, "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist",
            "Action=CreateTags&ResourceId.1=%s&ResourceId.2=i-0123456789abcdef0&Tag.1.Key=a", id);
    refused(w, "InvalidID", "The ID 'nonsense' is not valid",
            "Action=CreateTags&ResourceId.1=%s&ResourceId.2=nonsense&Tag.1.Key=a", id);
    refused(w, "MissingParameter", "resourceIdSet", "Action=CreateTags&Tag.1.Key=a");
    refused(w, "MissingParameter", "Tag.1.Key", "Action=CreateTags&ResourceId.1=%s&Tag.1.Value=a",
            id);
    refused(w, "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved",
            "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=aws:x", id);
    for (unsigned i = 1; i <= 51; i++)
        str_addf(&many, "&Tag.%u.Key=k%u", i, i);
    refused(w, "TagLimitExceeded", "", "Action=CreateTags&ResourceId.1=%s%s", id, str_text(&many));
    ask(w, "Action=DescribeTags");
    assert_int_equal(count(w, "tagSet/item"), 0);
    refused(w, "InvalidParameterValue", "'image' is not a valid taggable resource type",
            "Action=CreateKeyPair&KeyName=j&TagSpecification.1.ResourceType=image&"
            "TagSpecification.1.Tag.1.Key=a");
    refused(w, "InvalidParameterValue", "Tag specification must have at least one tag",
            "Action=CreateKeyPair&KeyName=j&TagSpecification.1.ResourceType=key-pair");
    refused(w, "InvalidParameterValue", "Tag specification resource type must have a value",
            "Action=CreateKeyPair&KeyName=j&TagSpecification.1.Tag.1.Key=a");
    ask(w, "Action=DescribeKeyPairs");
    assert_int_equal(count(w, "keySet/item"), 1);
}

/* Rule 12, and that a private key is shown once. */
static void a_private_key_is_shown_once_and_kept_nowhere(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *pem = NULL, *path = NULL, *db = NULL;
    size_t n;

    ask(w, "Action=CreateKeyPair&KeyName=k");
    pem = keep_at(w, "keyMaterial");
    assert_true(str_starts(pem, "-----BEGIN RSA PRIVATE KEY-----\n"));
    pem[80] = '\0';
    ask(w, "Action=DescribeKeyPairs&IncludePublicKey=true");
    assert_int_equal(count(w, "keySet/item/keyMaterial"), 0);
    assert_true(str_starts(at(w, "keySet/item/publicKey"), "ssh-rsa AAAA"));
    path = xasprintf("%s/kiln.db-wal", w->dir);
    OK(file_read(path, MIB(64), &db, &n, &e));
    assert_null(memmem(db, n, pem + 40, 40));
    assert_non_null(memmem(db, n, "ssh-rsa AAAA", 12)); /* it is the file that was looked for */
}

static void key_pairs_are_found_by_name_and_id(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;

    ask(w, "Action=CreateKeyPair&KeyName=k&KeyType=ed25519");
    id = keep_at(w, "keyPairId");
    ask(w, "Action=DescribeKeyPairs&KeyPairId.1=%s", id);
    assert_at(w, "keySet/item/keyName", "k");
    assert_at(w, "keySet/item/keyType", "ed25519");
    assert_int_equal(count(w, "keySet/item/publicKey"), 0);
    refused(w, "InvalidKeyPair.NotFound", "The key pair 'x' does not exist",
            "Action=DescribeKeyPairs&KeyName.1=k&KeyName.2=x");
    refused(w, "InvalidKey.Format", "Key is not in valid OpenSSH public key format",
            "Action=ImportKeyPair&KeyName=z&PublicKeyMaterial=aGVsbG8=");
    refused(w, "UnsupportedOperation", "KeyFormat", "Action=CreateKeyPair&KeyName=z&KeyFormat=ppk");
    ask(w, "Action=DeleteKeyPair&KeyName=%s", id); /* a name, not an id: unknown, hence fine */
    ask(w, "Action=DescribeKeyPairs");
    assert_int_equal(count(w, "keySet/item"), 1);
    ask(w, "Action=DeleteKeyPair&KeyPairId=%s", id);
    assert_at(w, "keyPairId", id);
    ask(w, "Action=DeleteKeyPair&KeyName=k");
    ask(w, "Action=DescribeKeyPairs");
    assert_int_equal(count(w, "keySet/item"), 0);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(one_address_serves_every_region),
        STORY(the_service_is_known_from_the_scope),
        STORY(get_and_post_are_the_same),
        STORY(lists_keep_the_order_of_their_indexes),
        STORY(the_namespace_ends_in_a_slash),
        STORY(an_unknown_action_answers_xml_with_400),
        STORY(who_may_not_is_told_why),
        STORY(headers_are_signed_as_each_client_does),
        STORY(a_dry_run_checks_and_changes_nothing),
        STORY(a_client_token_makes_one_thing_once),
        STORY(pages_end_and_their_tokens_are_checked),
        STORY(instance_types_say_what_they_can),
        STORY(tags_are_set_changed_found_and_removed),
        STORY(bad_tags_change_nothing),
        STORY(a_private_key_is_shown_once_and_kept_nowhere),
        STORY(key_pairs_are_found_by_name_and_id),
    };

    return test_run(tests);
}
