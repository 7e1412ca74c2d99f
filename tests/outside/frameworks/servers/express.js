// A service on Express, with the usual readers of bodies and method-override.
'use strict';

const express = require('express');
const bodyParser = require('body-parser');
const multer = require('multer');
const override = require('method-override');
const qs = require('qs');

const app = express();
app.set('query parser', 'extended');
app.set('trust proxy', true);
app.set('etag', false);
app.use(multer().any());
app.use(bodyParser.urlencoded({ extended: true }));
app.use(bodyParser.json({ type: () => true, strict: false, verify: (req, _, text) => { req.raw = text; } }));
app.use((error, req, res, next) => {
  req.body = undefined;
  next();
});
app.use(override('_method', { methods: null }));
for (const name of ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override']) app.use(override(name));
app.use(override((req) => {
  if (req.body && typeof req.body === 'object' && '_method' in req.body) return req.body._method;
  return undefined;
}));

function leaves(value) {
  if (value === null || value === undefined || typeof value === 'function') return [];
  if (typeof value === 'object') return Object.values(value).flatMap(leaves);
  return [String(value)];
}

function parameters(read, from, all) {
  if (all === null || typeof all !== 'object') return;
  const add = (kind, name, value) => leaves(value).forEach((leaf) => read[kind].push([name, leaf]));
  add('stores', from, all.site);
  add('stores', `${from} filter`, all.filter && all.filter.sites);
  let order = all.order;
  if (typeof order === 'string') {
    try {
      order = JSON.parse(order);
    } catch (_) {
      order = undefined;
    }
  }
  add('stores', `${from} order`, order && order.site);
  add('keys', from, all.apiKey);
  add('fixed', from, all.siteBy);
}

function respond(route) {
  return (req, res) => {
    const read = { routes: [], stores: [], keys: [], fixed: [], hosts: [], ours: [], verb: req.method, path: req.path };
    if (route) read.routes.push(`${req.method === 'HEAD' ? 'GET' : req.method} ${req.params.profile} ${route}`);
    parameters(read, 'query', req.query);
    parameters(read, 'form', req.body);
    // As services merge what they are sent.
    parameters(read, 'merged', Object.assign({}, req.query, req.body));
    const query = req.url.indexOf('?');
    parameters(read, 'qs', qs.parse(query < 0 ? '' : req.url.slice(query + 1), { allowDots: true, comma: true }));
    leaves(req.get('x-store')).forEach((value) => read.stores.push(['header', value]));
    leaves(req.get('x-api-key')).forEach((value) => read.keys.push(['header', value]));
    const bearer = /^bearer (.*)$/i.exec(req.get('authorization') || '');
    if (bearer) read.keys.push(['bearer', bearer[1]]);
    for (const name of ['key-id', 'store', 'stores', 'scope', 'revision']) {
      leaves(req.get(`x-latchkey-${name}`)).forEach((value) => read.ours.push([name, value]));
    }
    read.hosts.push(String(req.hostname || ''));
    res.json(read);
  };
}

const orders = '/:profile/v:version/orders';
app.get(orders, respond('/orders'));
app.get(`${orders}/history`, respond('/orders/history'));
app.post(`${orders}/create`, respond('/orders/create'));
for (const verb of ['get', 'post', 'put', 'delete']) app[verb](`${orders}/:id`, respond('/orders/{id}'));
app.use(respond(null));
app.use((error, req, res, next) => res.status(400).json({ error: String(error) }));

const server = app.listen(Number(process.argv[2]), '127.0.0.1');
server.keepAliveTimeout = 600000;
