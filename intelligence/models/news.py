"""What was read about instruments: articles, and analyses by people or programs."""

from django.db import models
from django.db.models import Q

from accounts.fields import LARGEST_PRICE, PriceField, UUIDv7, finite
from accounts.models import OwnQuerySet, User
from intelligence.models.decision import Decision
from trading.models import Instrument

#: Characters of one article's text.
LONGEST_ARTICLE = 200_000


class NewsArticle(models.Model):
    """An article of a feed or file that its owner has configured. Read by them alone: feeds may be paid for."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="news", db_index=False)
    source = models.CharField(max_length=100)
    title = models.CharField(max_length=500)
    url = models.CharField(max_length=1000, db_comment="Without its fragment and what only counts who clicks")
    author = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField()
    summary = models.TextField(blank=True, max_length=LONGEST_ARTICLE)
    content = models.TextField(blank=True, max_length=LONGEST_ARTICLE)
    sentiment = models.DecimalField(max_digits=5, decimal_places=4, null=True, db_comment="-1 to 1")
    relevance = models.DecimalField(max_digits=5, decimal_places=4, null=True, db_comment="0 to 1")
    instruments = models.ManyToManyField(Instrument, blank=True, related_name="news")
    decisions = models.ManyToManyField(Decision, blank=True, related_name="news")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Event log: articles that a person's feeds and files brought"
        constraints = [
            # Per person: what one of them has read is nothing that another should be able to tell.
            models.UniqueConstraint(fields=["owner", "url"], name="news_url_unique_per_owner"),
            models.CheckConstraint(
                name="news_sentiment_in_range",
                condition=Q(sentiment__isnull=True) | Q(sentiment__gte=-1, sentiment__lte=1),
            ),
            models.CheckConstraint(
                name="news_relevance_in_range",
                condition=Q(relevance__isnull=True) | Q(relevance__gte=0, relevance__lte=1),
            ),
            models.CheckConstraint(name="news_named", condition=~Q(title="") & ~Q(url="") & ~Q(source="")),
        ]
        indexes = [
            models.Index(fields=["owner", "-published_at", "-id"], name="news_owner_recent"),
            models.Index(fields=["owner", "source"], name="news_owner_source"),
        ]

    def __str__(self) -> str:
        return self.title


class StockAnalysis(models.Model):
    """What an analysis said of an instrument at a time. Its parts are checked (`intelligence.analysis_shape`)."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="analyses", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    current_price = PriceField()
    technical_analysis = models.JSONField()
    news_sentiment = models.JSONField(null=True)
    options_flow = models.JSONField(null=True)
    ai_recommendation = models.JSONField()
    analyzed_at = models.DateTimeField()
    decisions = models.ManyToManyField(Decision, blank=True, related_name="analyses")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stock analyses"
        db_table_comment = "Event log: analyses of instruments, as they were made"
        constraints = [
            finite("stock_analysis_price_finite", current_price=LARGEST_PRICE),
        ]
        indexes = [
            models.Index(fields=["owner", "instrument", "-analyzed_at"], name="stock_analysis_of_instrument"),
            models.Index(fields=["owner", "-analyzed_at", "-id"], name="stock_analysis_owner_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.analyzed_at:%Y-%m-%d %H:%M}"
