"""What the world meets: rate rules (us-east-1, where CloudFront's must be), CloudFront, security headers."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.aws.data import DataStack
from infra.aws.deployment import Deployment
from infra.aws.service import STREAMS_PATH, ServiceStack

# Of one address in five minutes. A class, or a whole academy, shares one: so these end floods, nothing finer; the
# application counts by person, by phone and by session.
REQUESTS_PER_ADDRESS: Final = 30_000
LOG_INS_PER_ADDRESS: Final = 600
LOG_IN_PATH: Final = "/api/v1/session"
# Files named by their content, which a release's pages may ask for after the next has come.
CACHED_PATHS: Final = ("/static/*", "/assets/*")


class FirewallStack(cdk.Stack):
    """WAF for CloudFront."""

    def __init__(self, scope: Construct, name: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, name, **options)
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            name=deployment.prefix,
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("all"),
            rules=[
                _managed(0, "AWSManagedRulesAmazonIpReputationList"),
                _managed(1, "AWSManagedRulesKnownBadInputsRuleSet"),
                _rate(2, "log-in", LOG_INS_PER_ADDRESS, _starts_with(LOG_IN_PATH)),
                _rate(3, "everything", REQUESTS_PER_ADDRESS, None),
            ],
        )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _managed(priority: int, group: str) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visible(group),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(vendor_name="AWS", name=group)
        ),
    )


def _rate(
    priority: int, name: str, limit: int, scope_down: waf.CfnWebACL.StatementProperty | None
) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(response_code=429)
            )
        ),
        visibility_config=_visible(name),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=limit, aggregate_key_type="IP", evaluation_window_sec=300, scope_down_statement=scope_down
            )
        ),
    )


def _starts_with(path: str) -> waf.CfnWebACL.StatementProperty:
    return waf.CfnWebACL.StatementProperty(
        byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="STARTS_WITH",
            search_string=path,
            text_transformations=[waf.CfnWebACL.TextTransformationProperty(priority=0, type="URL_DECODE")],
        )
    )


class EdgeStack(cdk.Stack):
    """One distribution for ``*.base_domain``: the front end and the API share an origin, as their cookie demands.

    Media do not pass it: their links are signed for S3, for one person and a few minutes.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        data: DataStack,
        service: ServiceStack,
        firewall: FirewallStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, name, **options)
        headers = self._security_headers(deployment)
        application = origins.VpcOrigin.with_application_load_balancer(
            service.balancer,
            domain_name=deployment.platform_host,  # what the balancer's certificate is checked against
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=cdk.Duration.seconds(60),  # a stream says something every 15 s
            keepalive_timeout=cdk.Duration.seconds(60),
        )
        # By its name: the bucket's policy already lets CloudFront of this account read, and lives in the data stack.
        kept_files = origins.S3BucketOrigin.with_origin_access_control(
            s3.Bucket.from_bucket_attributes(
                self,
                "Static",
                bucket_name=data.static.bucket_name,
                region=deployment.region,
            )
        )
        common: dict[str, Any] = {
            "viewer_protocol_policy": cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            "response_headers_policy": headers,
            "compress": True,
        }
        through = cloudfront.BehaviorOptions(
            origin=application,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
            **common,
        )
        cached = cloudfront.BehaviorOptions(
            origin=origins.OriginGroup(
                primary_origin=application, fallback_origin=kept_files, fallback_status_codes=[404, 502, 503, 504]
            ),
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            **common,
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=deployment.prefix,
            domain_names=[deployment.base_domain, f"*.{deployment.base_domain}"],
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", deployment.edge_certificate_arn),
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_200,
            web_acl_id=firewall.acl.attr_arn,
            enable_logging=True,
            log_bucket=data.log_bucket,
            log_file_prefix="cloudfront/",
            default_behavior=through,
            additional_behaviors={
                STREAMS_PATH: cloudfront.BehaviorOptions(
                    origin=application,
                    allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                    cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                    origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
                    **{**common, "compress": False},  # compressing would wait for more to compress
                ),
                **dict.fromkeys(CACHED_PATHS, cached),
            },
        )

    def _security_headers(self, deployment: Deployment) -> cloudfront.ResponseHeadersPolicy:
        """What must hold for every answer, also one that CloudFront makes itself; the application's own go before."""
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            response_headers_policy_name=deployment.prefix,
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=cdk.Duration.days(365), include_subdomains=True, preload=True, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.SAME_ORIGIN, override=True
                ),
            ),
            remove_headers=["Server"],
        )
