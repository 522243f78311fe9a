"""Alarms that wake somebody, a dashboard to look at then, and a budget. Each alarm names its runbook page."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.aws.data import DataStack
from infra.aws.deployment import Deployment
from infra.aws.queue_names import Tier
from infra.aws.service import ServiceStack, running_tasks

# Seconds that the oldest message may wait.
OLDEST_SECONDS: Final = {Tier.PREMIUM: 300, Tier.BASIC: 600, Tier.LITE: 1800, Tier.VIDEO: 3600}
P95_SECONDS: Final = 1.0
WORKERS: Final = ("cpu", "video", "premium")
MINUTE: Final = cdk.Duration.minutes(1)


class WatchStack(cdk.Stack):
    """Alarms by mail; the same conditions are Prometheus rules in infra/monitoring for who hosts it himself."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        data: DataStack,
        service: ServiceStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, name, **options)
        self._deployment = deployment
        self._topic = self._alarm_topic()
        cpu_of_database = data.database.metric_cpu_utilization(period=MINUTE)
        connections = data.database.metric_database_connections(period=MINUTE, statistic="Maximum")
        ages, waiting, dead = self._queue_alarms(data)
        errors = service.balancer.metrics.http_code_target(
            elb.HttpCodeTarget.TARGET_5XX_COUNT, period=MINUTE, statistic="Sum"
        )
        requests = service.balancer.metrics.request_count(period=MINUTE, statistic="Sum")
        p95 = service.api_targets.metrics.target_response_time(period=MINUTE, statistic="p95")
        self._alarm(
            "ServerErrors",
            "server-errors",
            cloudwatch.MathExpression(
                expression="IF(requests > 50, 100 * errors / requests, 0)",
                using_metrics={"errors": errors, "requests": requests},
                period=MINUTE,
                label="5xx in per cent",
            ),
            above=1,
            minutes=5,
        )
        self._alarm("Slow", "slow-requests", p95, above=P95_SECONDS, minutes=10)
        self._alarm(
            "NoWebServer",
            "web-down",
            service.api_targets.metrics.healthy_host_count(period=MINUTE, statistic="Minimum"),
            below=1,
            minutes=2,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            "DatabaseConnections",
            "database-connections",
            connections,
            above=0.8 * deployment.size.database_connections,
            minutes=5,
        )
        self._alarm("DatabaseCpu", "database-busy", cpu_of_database, above=85, minutes=15)
        self._alarm(
            "DatabaseSpace",
            "database-space",
            data.database.metric_free_storage_space(period=cdk.Duration.minutes(5), statistic="Minimum"),
            below=deployment.size.database_gib * 1024**3 * 0.1,
            minutes=15,
        )
        for worker in (*WORKERS, "dispatcher"):
            self._alarm(
                f"No{worker.title()}Running",
                "no-warm-worker" if worker in WORKERS else "dispatcher-down",
                running_tasks(service.cluster.cluster_name, service.services[worker].service_name, period=MINUTE),
                below=1,
                minutes=3,
                missing=cloudwatch.TreatMissingData.BREACHING,
            )
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=deployment.prefix,
            widgets=[
                [_graph("Requests a minute", requests, errors), _graph("p95 of the API, s", p95)],
                [_graph("Waiting messages", *waiting), _graph("Age of the oldest message, s", *ages)],
                [
                    _graph("Dead letters", *dead),
                    _graph(
                        "Running tasks",
                        *(
                            running_tasks(service.cluster.cluster_name, one.service_name, period=MINUTE)
                            for one in service.services.values()
                        ),
                    ),
                ],
                [_graph("Database connections", connections), _graph("Database CPU, %", cpu_of_database)],
            ],
        )
        self._budget()

    def _alarm_topic(self) -> sns.Topic:
        key = kms.Key(self, "TopicKey", description="Alarms", enable_key_rotation=True)
        for principal in ("cloudwatch.amazonaws.com", "budgets.amazonaws.com"):
            key.grant(
                iam.ServicePrincipal(
                    principal, conditions={"StringEquals": {"aws:SourceAccount": self._deployment.account}}
                ),
                "kms:Decrypt",
                "kms:GenerateDataKey",
            )
        topic = sns.Topic(
            self, "Alarms", topic_name=f"{self._deployment.prefix}-alarms", master_key=key, enforce_ssl=True
        )
        topic.add_subscription(subscriptions.EmailSubscription(self._deployment.alarm_mail))
        return topic

    def _queue_alarms(
        self, data: DataStack
    ) -> tuple[list[cloudwatch.Metric], list[cloudwatch.Metric], list[cloudwatch.Metric]]:
        """The ages, the waiting and the dead messages by tier, for the dashboard."""
        ages, waiting, dead = [], [], []
        for tier, queue in data.queues.items():
            age = queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
            dead_count = data.dead_letters[tier].metric_approximate_number_of_messages_visible(
                period=MINUTE, statistic="Maximum"
            )
            self._alarm(f"Oldest{tier.name.title()}", "queue-age", age, above=OLDEST_SECONDS[tier], minutes=5)
            self._alarm(f"Dead{tier.name.title()}", "dead-letters", dead_count, above=0, minutes=1)
            ages.append(age)
            waiting.append(queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum"))
            dead.append(dead_count)
        return ages, waiting, dead

    def _alarm(
        self,
        name: str,
        page: str,
        metric: cloudwatch.IMetric,
        *,
        minutes: int,
        above: float | None = None,
        below: float | None = None,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        assert (above is None) != (below is None), "one of above, below"
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._deployment.prefix}-{page}-{name}",
            alarm_description=f"docs/runbook/{page}.md",
            metric=metric,
            threshold=above if above is not None else below or 0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
            if above is not None
            else cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=minutes if minutes < 15 else 3,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))

    def _budget(self) -> None:
        def notice(kind: str, per_cent: int) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=per_cent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[
                    budgets.CfnBudget.SubscriberProperty(address=self._deployment.alarm_mail, subscription_type="EMAIL")
                ],
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self._deployment.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=self._deployment.size.budget_usd, unit="USD"),
            ),
            notifications_with_subscribers=[notice("ACTUAL", 80), notice("FORECASTED", 100)],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
