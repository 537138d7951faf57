// A service of somebody else: RabbitMQ by amqplib, traced by nothing but the official instrumentation.
//
//     node peer.js amqplib INBOX OUTBOX ORDER
//
// It begins ORDER with a message to OUTBOX, then works on two messages of INBOX. A message with `replyTo` is answered
// there. The broker is that of `JOURNEY_AMQP_URL`; spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` before it ends.

'use strict';

const { context, propagation, trace } = require('@opentelemetry/api');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const MESSAGES = 2;
// The test waits less; this is for a peer whose test was killed.
const LIFETIME_MS = 60_000;

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
registerInstrumentations({ instrumentations: [new AmqplibInstrumentation()] });
// The instrumentation sees only what is loaded after it.
const amqplib = require('amqplib');

const tracer = trace.getTracer('peer');

/** Runs `send` in a trace of its own, with the order in the baggage. */
function begun(order, send) {
  const baggage = propagation.createBaggage({ 'order.id': { value: order } });
  const begin = (span) => {
    send();
    span.end();
  };
  return tracer.startActiveSpan('begin', {}, propagation.setBaggage(context.active(), baggage), begin);
}

/** What a handler does: it knows the order from the context that the instrumentation gave it. */
function work(send) {
  const order = propagation.getActiveBaggage()?.getEntry('order.id')?.value ?? 'unknown';
  tracer.startActiveSpan('work', { attributes: { 'order.id': order } }, (span) => {
    send();
    span.end();
  });
}

async function run(inbox, outbox, order) {
  const connection = await amqplib.connect(process.env.JOURNEY_AMQP_URL);
  const channel = await connection.createConfirmChannel();
  const send = (queue) => channel.publish('', queue, Buffer.from('{}'));
  let seen = 0;
  await new Promise((done, fail) => {
    channel.on('error', fail);
    const handle = (message) => {
      const { replyTo } = message.properties;
      work(() => replyTo && send(replyTo));
      channel.ack(message);
      seen += 1;
      if (seen === MESSAGES) done();
    };
    channel.consume(inbox, handle).then(() => begun(order, () => send(outbox)), fail);
  });
  await channel.waitForConfirms();
  await connection.close();
}

async function main() {
  const [, ...rest] = process.argv.slice(2);
  setTimeout(() => process.exit(1), LIFETIME_MS).unref();
  await run(...rest);
  await provider.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
