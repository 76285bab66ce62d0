-- A line for each text of a vehicle, folded; and its places in the orders by license plate and by name, without one behind all others.
CREATE OR REPLACE FUNCTION "searched_as"(
  IN "id" TEXT, IN "name" TEXT, IN "license_plate" TEXT, IN "vin" TEXT, IN "brand" TEXT, IN "model" TEXT,
  OUT "text" TEXT, OUT "by_plate" TEXT, OUT "by_name" TEXT
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
  SELECT concat_ws(E'\n', "search_fold"("id"), "search_fold"("name"), "search_fold"("license_plate"), "search_fold"("vin"),
      "search_fold"("brand"), "search_fold"("model")),
    COALESCE('0' || "license_plate", '1'), COALESCE('0' || "name", '1')
$$;
