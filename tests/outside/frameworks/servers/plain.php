<?php
// A service in PHP without a framework: superglobals, php://input, and a few patterns for its paths.

declare(strict_types=1);

require __DIR__ . '/common.php';

$reading = new Reading();
$reading->parameters('query', $_GET);
$reading->parameters('form', $_POST);
// Cookies too, as in PHP without a php.ini.
$reading->parameters('merged', $_REQUEST);
$reading->parameters('json', json_decode(file_get_contents('php://input'), true));
$reading->headers('$_SERVER', fn (string $name) => $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? null);
$all = array_change_key_case(getallheaders());
$reading->headers('getallheaders', fn (string $name) => $all[strtolower($name)] ?? null);
$reading->host($_SERVER['HTTP_HOST'] ?? '');
$reading->host(strtok($_SERVER['HTTP_HOST'] ?? '', ':') ?: '');

$verb = $_SERVER['REQUEST_METHOD'];
$path = rawurldecode(strtok($_SERVER['REQUEST_URI'], '?') ?: '');
$route = null;
if (preg_match('~^/([a-z]+)/v[0-9]+/orders(/[^/]+)?/?$~D', $path, $found)) {
    $tail = $found[2] ?? '';
    $fixed = ['GET' => ['', '/history'], 'POST' => ['/create']][$verb] ?? [];
    $any = in_array($verb, ['GET', 'POST', 'PUT', 'DELETE'], true) && $tail !== '' ? '/{id}' : null;
    $tail = in_array($tail, $fixed, true) ? $tail : $any;
    $route = $tail === null ? null : "$verb $found[1] /orders$tail";
}
$reading->ran($verb, $path, $route);
$reading->send();
