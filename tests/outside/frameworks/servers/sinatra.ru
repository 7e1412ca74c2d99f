# A service on Sinatra and Rack, with method override, which Puma serves.
# frozen_string_literal: true

require 'json'
require 'sinatra/base'

# Says what it read.
class Service < Sinatra::Base
  OURS = %w[key-id store stores scope revision].freeze
  ORDERS = '/:profile/v:version/orders'

  enable :method_override
  disable :protection, :logging, :show_exceptions, :raise_errors, :dump_errors
  set :host_authorization, {}

  helpers do
    def leaves(value)
      case value
      when nil then []
      when Hash then value.values.flat_map { |member| leaves(member) }
      when Array then value.flat_map { |member| leaves(member) }
      when Tempfile, IO, StringIO then [value.read.to_s.tap { value.rewind }]
      else [value.to_s]
      end
    end

    def json(text)
      JSON.parse(text)
    rescue JSON::ParserError, EncodingError, TypeError
      nil
    end

    def parameters(read, from, all)
      return unless all.is_a?(Hash)

      add = ->(kind, name, value) { leaves(value).each { |leaf| read[kind] << [name, leaf] } }
      add.call(:stores, from, all['site'])
      add.call(:stores, "#{from} filter", all['filter'].is_a?(Hash) ? all['filter']['sites'] : nil)
      order = all['order']
      order = json(order) if order.is_a?(String)
      add.call(:stores, "#{from} order", order.is_a?(Hash) ? order['site'] : nil)
      add.call(:keys, from, all['apiKey'])
      add.call(:fixed, from, all['siteBy'])
    end

    def clean(value)
      case value
      when Hash then value.transform_values { |member| clean(member) }
      when Array then value.map { |member| clean(member) }
      when String then value.dup.force_encoding('UTF-8').scrub('?')
      else value
      end
    end

    def reading(route = nil)
      read = { routes: [], stores: [], keys: [], fixed: [], hosts: [], ours: [] }
      read[:verb] = request.request_method
      read[:path] = request.path_info
      verb = read[:verb] == 'HEAD' ? 'GET' : read[:verb]
      read[:routes] << "#{verb} #{params['profile']} #{route}" if route
      body = request.body.read.to_s.tap { request.body.rewind }
      parameters(read, 'json', json(body))
      [['query', -> { request.GET }], ['form', -> { request.POST }], ['merged', -> { params }]].each do |from, all|
        parameters(read, from, all.call)
      rescue StandardError
        next
      end
      header = ->(name) { request.get_header("HTTP_#{name.upcase.tr('-', '_')}") }
      leaves(header.call('X-Store')).each { |value| read[:stores] << ['header', value] }
      leaves(header.call('X-Api-Key')).each { |value| read[:keys] << ['header', value] }
      bearer = /\Abearer (.*)\z/i.match(header.call('Authorization').to_s)
      read[:keys] << ['bearer', bearer[1]] if bearer
      OURS.each { |name| leaves(header.call("X-Latchkey-#{name}")).each { |value| read[:ours] << [name, value] } }
      read[:hosts] << request.host.to_s
      content_type 'application/json'
      JSON.generate(clean(read))
    end
  end

  get(ORDERS) { reading('/orders') }
  get("#{ORDERS}/history") { reading('/orders/history') }
  post("#{ORDERS}/create") { reading('/orders/create') }
  %i[get post put delete].each { |verb| send(verb, "#{ORDERS}/:id") { reading('/orders/{id}') } }
  not_found { reading }
end

run Service
