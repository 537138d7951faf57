"""A service of somebody else: RabbitMQ by pika or aio-pika, traced by nothing but the official instrumentation.

    python peer.py pika|aio-pika INBOX OUTBOX ORDER

It begins ORDER with a message to OUTBOX, then works on two messages of INBOX. A message with `reply_to` is answered
there. The broker is that of `JOURNEY_AMQP_URL`; spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` before it ends.
"""

import asyncio
import os
import signal
import sys
from contextlib import contextmanager

import aio_pika
import pika
from opentelemetry import baggage, context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aio_pika import AioPikaInstrumentor
from opentelemetry.instrumentation.pika import PikaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MESSAGES = 2
# The test waits less; this is for a peer whose test was killed.
LIFETIME_S = 60

tracer = trace.get_tracer("peer")


@contextmanager
def begun(order):
    """A trace of its own, with the order in the baggage."""
    token = context.attach(baggage.set_baggage("order.id", order))
    try:
        with tracer.start_as_current_span("begin"):
            yield
    finally:
        context.detach(token)


def work():
    """What a handler does: it knows the order from the context that the instrumentation gave it."""
    order = baggage.get_baggage("order.id") or "unknown"
    return tracer.start_as_current_span("work", attributes={"order.id": order})


def with_pika(url, inbox, outbox, order):
    PikaInstrumentor().instrument()
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    seen = 0

    def handle(channel, method, properties, _body):
        nonlocal seen
        with work():
            if properties.reply_to:
                channel.basic_publish("", properties.reply_to, b"{}")
        channel.basic_ack(method.delivery_tag)
        seen += 1
        if seen == MESSAGES:
            channel.stop_consuming()

    channel.basic_consume(inbox, handle)
    with begun(order):
        channel.basic_publish("", outbox, b"{}")
    channel.start_consuming()
    connection.close()


async def with_aio_pika(url, inbox, outbox, order):
    AioPikaInstrumentor().instrument()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = channel.default_exchange
        seen = asyncio.Semaphore(0)

        async def handle(message):
            with work():
                if message.reply_to:
                    await exchange.publish(aio_pika.Message(b"{}"), message.reply_to)
            await message.ack()
            seen.release()

        await (await channel.get_queue(inbox)).consume(handle)
        with begun(order):
            await exchange.publish(aio_pika.Message(b"{}"), outbox)
        for _ in range(MESSAGES):
            await seen.acquire()


def main():
    client, *rest = sys.argv[1:]
    signal.alarm(LIFETIME_S)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    url = os.environ["JOURNEY_AMQP_URL"]
    if client == "pika":
        with_pika(url, *rest)
    else:
        asyncio.run(with_aio_pika(url, *rest))
    provider.shutdown()


if __name__ == "__main__":
    main()
