-- A shop of size for the console's bench. Names and sentences are put together from short lists: what matters is how
-- much there is, how it is spread over time and how often a word occurs.

CREATE FUNCTION bench_name(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT (ARRAY['Nguyễn','Trần','Lê','Phạm','Hoàng','Huỳnh','Phan','Vũ','Võ','Đặng','Bùi','Đỗ','Hồ','Ngô','Dương'])[1 + n % 15]
    || ' ' || (ARRAY['Thị','Văn','Minh','Ngọc','Thanh','Quốc','Hữu','Thu','Kim','Đức','Gia'])[1 + (n / 15) % 11]
    || ' ' || (ARRAY['An','Bình','Châu','Dung','Giang','Hà','Hạnh','Hiếu','Hoa','Hùng','Huyền','Khánh','Lan','Linh','Long',
      'Mai','Nam','Nga','Nhung','Phúc','Quân','Quỳnh','Sơn','Tâm','Thảo','Trang','Tuấn','Uyên','Vy','Yến'])[1 + (n / 165) % 30]
$$;

CREATE FUNCTION bench_plain(words text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT translate(lower(words),
    'àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ',
    'aaaaaaaaaaaaaaaaaeeeeeeeeeeeiiiiiooooooooooooooooouuuuuuuuuuuyyyyyd')
$$;

CREATE FUNCTION bench_sentence(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT (ARRAY['Shop ơi','Em ơi','Alo shop','Cho mình hỏi','Bên mình','Anh hỏi chút','Dạ em chào','Chị nhờ em'])[1 + n % 8]
    || ' ' || (ARRAY['máy giặt','tủ lạnh','nồi cơm','máy lọc nước','quạt điều hoà','bếp từ','máy hút bụi','lò vi sóng',
      'điều hoà','ấm siêu tốc','máy xay'])[1 + (n / 8) % 11]
    || ' ' || (ARRAY['bị rò nước','kêu to quá','không lên nguồn','giao chậm hai ngày','còn hàng không','vệ sinh sao',
      'bảo hành ở đâu','giá bao nhiêu','báo lỗi E4','dùng tốt lắm','lắp đặt khi nào','đổi màu được không'])[1 + (n / 88) % 12]
    || ' ạ, mã ' || n
$$;

INSERT INTO customers (kind, stage, name, name_folded, address, phone, tier, created_at)
SELECT 'person', 'current', bench_name(n), bench_plain(bench_name(n)), 'chị', '09' || lpad((n * 7 % 100000000)::text, 8, '0'),
  (ARRAY['none','none','none','silver','gold','platinum'])[1 + n % 6], now() - n * interval '3 minutes'
FROM generate_series(1, :customers) AS n;

INSERT INTO channel_accounts (customer_id, channel, bot_id, chat_id, reachable, created_at)
SELECT id, 'telegram', :bot, 800000000 + id, true, created_at FROM customers;

INSERT INTO conversations (account_id, customer_id, mode, last_message_at, created_at)
SELECT id, customer_id, 'assistant', now() - id * interval '3 minutes', created_at FROM channel_accounts;

INSERT INTO messages (conversation_id, direction, author, text, attachments, at)
SELECT c.id, CASE WHEN n % 2 = 1 THEN 'in' ELSE 'out' END, CASE WHEN n % 2 = 1 THEN 'customer' ELSE 'assistant' END,
  bench_sentence(c.id * :each + n), '[]', c.last_message_at - (:each - n) * interval '2 minutes'
FROM conversations AS c, generate_series(1, :each) AS n ORDER BY n, c.id;

INSERT INTO complaints (code, customer_id, conversation_id, category, severity, state, description, since, contact,
  photos, resolution, created_at, promised_at, resolved_at, closed_at, due_at)
SELECT 'KN-2026-' || lpad(n::text, 6, '0'), c.customer_id, c.id,
  (ARRAY['product_fault','delivery','staff_attitude','warranty','price_payment','other'])[1 + n % 6],
  (ARRAY['low','normal','normal','high'])[1 + n % 4],
  CASE WHEN n % :closed_in = 0 THEN (ARRAY['new','acknowledged','in_progress'])[1 + (n / :closed_in) % 3] ELSE 'closed' END,
  bench_sentence(n), '', '', '[]', '', now() - n * interval '8 minutes', now() - n * interval '8 minutes' + interval '1 day',
  CASE WHEN n % :closed_in = 0 THEN NULL ELSE now() - n * interval '7 minutes' END,
  CASE WHEN n % :closed_in = 0 THEN NULL ELSE now() - n * interval '6 minutes' END,
  CASE WHEN n % :closed_in = 0 THEN now() + (n % 2000 - 300) * interval '1 minute' END
FROM generate_series(1, :complaints) AS n JOIN conversations AS c ON c.id = 1 + n * 3 % :customers;

INSERT INTO escalations (conversation_id, reason, note, state, opened_at, claimed_at, closed_at, staff_id)
SELECT c.id, (ARRAY['asked','low_rating','not_understood','not_helpful'])[1 + c.id % 4], '',
  CASE WHEN c.id <= :open / 2 THEN 'open' WHEN c.id <= :open THEN 'claimed' ELSE 'closed' END,
  c.last_message_at, CASE WHEN c.id > :open / 2 THEN c.last_message_at END, CASE WHEN c.id > :open THEN c.last_message_at END,
  CASE WHEN c.id > :open / 2 THEN 1 + c.id % :staff END
FROM conversations AS c WHERE c.id <= :calls;

UPDATE conversations SET mode = 'people' WHERE id <= :open;

INSERT INTO service_clocks (complaint_id, kind, allowance_s, started_at, warn_at, due_at)
SELECT id, 'first_response', 14400, created_at, now() + interval '1 hour', now() + (id % 2000 - 300) * interval '1 minute'
FROM complaints WHERE due_at IS NOT NULL;

INSERT INTO service_clocks (escalation_id, kind, allowance_s, started_at, warn_at, due_at)
SELECT id, 'first_response', 14400, opened_at, now() + interval '1 hour', now() + (id % 2000 - 300) * interval '1 minute'
FROM escalations WHERE closed_at IS NULL;
